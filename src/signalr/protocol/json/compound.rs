//! Arrays and objects on their way out.

use serde::{
    Serialize,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{key::KeyWriter, serializer::ValueWriter, text::write_string};
use crate::signalr::protocol::error::EncodeError;

/// An array or object that is not finished.
pub struct Compound<'o> {
    pub out: &'o mut Vec<u8>,
    is_empty: bool,
    close: &'static str,
}

impl<'o> Compound<'o> {
    pub fn new(out: &'o mut Vec<u8>, open: &str, close: &'static str) -> Self {
        out.extend_from_slice(open.as_bytes());
        Self {
            out,
            is_empty: true,
            close,
        }
    }

    pub fn finish(self) -> Result<(), EncodeError> {
        self.out.extend_from_slice(self.close.as_bytes());
        Ok(())
    }

    fn separate(&mut self) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.separate();
        value.serialize(ValueWriter(self.out))
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        self.separate();
        write_string(self.out, name);
        self.out.push(b':');
        value.serialize(ValueWriter(self.out))
    }
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.separate();
        key.serialize(KeyWriter(self.out))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.out.push(b':');
        value.serialize(ValueWriter(self.out))
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

macro_rules! elements {
    ($($interface:ident :: $method:ident),*) => {$(
        impl $interface for Compound<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.element(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! members {
    ($($interface:ident),*) => {$(
        impl $interface for Compound<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.member(name, value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

members!(SerializeStruct, SerializeStructVariant);
