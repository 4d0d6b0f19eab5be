//! Member names made from map keys: strings as they are, simple values as their text.

use serde::{
    Serialize,
    ser::{Impossible, Serializer},
};

use super::{number, text::write_string};
use crate::signalr::protocol::error::EncodeError;

/// Appends one member name to a buffer.
pub struct KeyWriter<'o>(pub &'o mut Vec<u8>);

type Never = Impossible<(), EncodeError>;

fn unfit<T>() -> Result<T, EncodeError> {
    Err(EncodeError::new(
        "a key of this type cannot be written as JSON",
    ))
}

impl KeyWriter<'_> {
    /// A number in quotes.
    fn quoted(
        self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.0.push(b'"');
        write(self.0)?;
        self.0.push(b'"');
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.quoted(|out| {
                number::write_integer(out, value);
                Ok(())
            })
        }
    )*};
}

impl Serializer for KeyWriter<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    integers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    );

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.serialize_str(if value { "true" } else { "false" })
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.quoted(|out| number::write_f32(out, value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        self.quoted(|out| number::write_f64(out, value))
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        write_string(self.0, value);
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), EncodeError> {
        unfit()
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        unfit()
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        unfit()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        unfit()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        unfit()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Never, EncodeError> {
        unfit()
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, EncodeError> {
        unfit()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, EncodeError> {
        unfit()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, EncodeError> {
        unfit()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, EncodeError> {
        unfit()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Never, EncodeError> {
        unfit()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, EncodeError> {
        unfit()
    }
}
