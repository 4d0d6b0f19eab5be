//! Converts a JSON value to MessagePack on the way through the parser, building nothing.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::signalr::protocol::{error::EncodeError, messagepack::writer};

/// Appends the value `text` as MessagePack. Numbers without point or exponent become integers
/// if 64 bits can hold them, all others 64-bit floats.
pub fn to_messagepack(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Converter(out)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| EncodeError::new(error.to_string()))
}

struct Converter<'o>(&'o mut Vec<u8>);

impl Converter<'_> {
    fn again(&mut self) -> Converter<'_> {
        Converter(self.0)
    }

    /// Puts the header of an array or map, which is only known at its end, in front of what was
    /// written since `start`.
    fn insert_header(&mut self, start: usize, count: usize, write: fn(&mut Vec<u8>, usize)) {
        let body = self.0.len();
        write(self.0, count);
        let header = self.0.len() - body;
        self.0[start..].rotate_right(header);
    }
}

impl<'a> DeserializeSeed<'a> for Converter<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Converter<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        writer::nil(self.0);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        writer::boolean(self.0, value);
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        writer::integer(self.0, value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        writer::unsigned(self.0, value);
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        writer::float64(self.0, value);
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        writer::string(self.0, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut array: A) -> Result<(), A::Error> {
        let start = self.0.len();
        let mut count = 0;
        while array.next_element_seed(self.again())?.is_some() {
            count += 1;
        }
        self.insert_header(start, count, writer::array);
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut object: A) -> Result<(), A::Error> {
        let start = self.0.len();
        let mut count = 0;
        while object.next_key_seed(self.again())?.is_some() {
            object.next_value_seed(self.again())?;
            count += 1;
        }
        self.insert_header(start, count, writer::map);
        Ok(())
    }
}
