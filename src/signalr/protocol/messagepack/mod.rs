//! The MessagePack encoding.

mod parse;
pub mod reader;
mod respell;
mod text;
mod timestamp;
mod to_json;
pub mod writer;

use serde::{Serialize, de::DeserializeOwned};

pub use parse::parse;
pub use reader::format_name;
pub use respell::respell;
pub use to_json::to_json;

use super::error::{DecodeError, EncodeError};

/// How deep arrays and maps may nest inside one value. Generous for data, harmless for the stack.
pub const MAXIMUM_DEPTH: usize = 128;

/// Appends a value: structs as maps with their members' names, integers in their shortest form.
pub fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
    value
        .serialize(&mut serializer)
        .map_err(|error| EncodeError::new(error.to_string()))
}

/// Reads a value that must be all of `bytes`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(MAXIMUM_DEPTH);
    T::deserialize(text::StrictText(&mut deserializer))
        .map_err(|error| DecodeError::new(error.to_string()))
}
