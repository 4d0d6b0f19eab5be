//! The JSON encoding.

mod compound;
mod key;
mod members;
mod number;
mod parse;
mod record;
mod serializer;
mod text;
mod to_messagepack;
mod token;

pub use members::read_text;
pub use number::{write_f32, write_f64, write_integer};
pub use parse::parse;
pub use record::{is_too_deep, read_object};
pub use text::write_string;
pub use to_messagepack::to_messagepack;
pub use token::{Int32, OrNull, Reading};

use serde::{Serialize, de::DeserializeOwned};

use super::error::{DecodeError, EncodeError};

/// How deep arrays and objects may nest, the message itself included.
pub const MAXIMUM_DEPTH: usize = 64;

/// Appends a value.
pub fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    value.serialize(serializer::ValueWriter(out))
}

/// Reads a value that must be all of `text`.
pub fn decode<T: DeserializeOwned>(text: &str) -> Result<T, DecodeError> {
    serde_json::from_str(text)
        .or_else(|error| match text {
            // An integer to everyone but serde_json, which takes it for a float.
            "-0" => serde_json::from_str("0").map_err(|_| error),
            _ => Err(error),
        })
        .map_err(|error| DecodeError::new(error.to_string()))
}
