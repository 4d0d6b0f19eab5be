//! Writes any `serde` value as the reference server would.
//!
//! Not `serde_json`'s serializer, because that one turns NaN into null where the reference fails
//! (a value silently lost against an error somebody sees), and spells doubles, escapes and bytes
//! its own way.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Serialize,
    ser::{Error, Serializer},
};

use super::{
    compound::Compound,
    number::{write_f32, write_f64, write_integer},
    text::write_string,
};
use crate::signalr::protocol::error::EncodeError;

/// The name under which `serde_json::value::RawValue` announces itself.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Appends one value to a buffer.
pub struct ValueWriter<'o>(pub &'o mut Vec<u8>);

impl<'o> ValueWriter<'o> {
    fn literal(self, text: &str) -> Result<(), EncodeError> {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn integer(self, value: impl itoa::Integer) -> Result<(), EncodeError> {
        write_integer(self.0, value);
        Ok(())
    }

    fn begin_array(self) -> Result<Compound<'o>, EncodeError> {
        Ok(Compound::new(self.0, "[", "]"))
    }

    fn begin_object(self) -> Result<Compound<'o>, EncodeError> {
        Ok(Compound::new(self.0, "{", "}"))
    }

    /// An enum variant with content: an object with the variant's name as its only member.
    fn begin_variant(
        self,
        variant: &str,
        open: &str,
        close: &'static str,
    ) -> Result<Compound<'o>, EncodeError> {
        self.0.push(b'{');
        write_string(self.0, variant);
        self.0.push(b':');
        Ok(Compound::new(self.0, open, close))
    }
}

impl<'o> Serializer for ValueWriter<'o> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'o>;
    type SerializeTuple = Compound<'o>;
    type SerializeTupleStruct = Compound<'o>;
    type SerializeTupleVariant = Compound<'o>;
    type SerializeMap = Compound<'o>;
    type SerializeStruct = Compound<'o>;
    type SerializeStructVariant = Compound<'o>;

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.literal(if value { "true" } else { "false" })
    }

    fn serialize_i8(self, value: i8) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        self.integer(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        write_f32(self.0, value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        write_f64(self.0, value)
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        write_string(self.0, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.serialize_str(&BASE64_STANDARD.encode(value))
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.literal("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.literal("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.literal("null")
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

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let compound = self.begin_variant(variant, "", "}")?;
        value.serialize(ValueWriter(compound.out))?;
        compound.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'o>, EncodeError> {
        self.begin_array()
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'o>, EncodeError> {
        self.begin_array()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Compound<'o>, EncodeError> {
        self.begin_array()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'o>, EncodeError> {
        self.begin_variant(variant, "[", "]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'o>, EncodeError> {
        self.begin_object()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'o>, EncodeError> {
        if name == RAW_VALUE {
            // In MessagePack it would come out as its own private form, so better nowhere.
            return Err(EncodeError::custom(
                "a RawValue cannot be sent, use a RawPayload",
            ));
        }
        self.begin_object()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'o>, EncodeError> {
        self.begin_variant(variant, "{", "}}")
    }
}
