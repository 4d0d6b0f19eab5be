//! The JSON encoding.

mod members;
mod number;
mod parse;
mod record;
mod text;
mod to_messagepack;
mod token;

pub use members::read_text;
pub use number::write_number;
pub use parse::parse;
pub use record::read_object;
pub use text::write_string;
pub use to_messagepack::to_messagepack;
pub use token::{Int32, Reading};

use serde::Serialize;

use super::error::{DecodeError, EncodeError};

/// How deep arrays and objects may nest, the message itself included.
pub const MAXIMUM_DEPTH: usize = 64;

/// Appends a value.
pub fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    serde_json::to_writer(out, value).map_err(|error| EncodeError::new(error.to_string()))
}

/// Reads a value that must be all of `text`.
pub fn decode<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::new(error.to_string()))
}
