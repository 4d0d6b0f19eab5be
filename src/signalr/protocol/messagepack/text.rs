//! Text must come as text: the MessagePack library also takes binary that happens to be UTF-8, the
//! reference does not. A layer over any deserializer that passes everything else through.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

/// What a value is read from: a deserializer, a sequence, a map, a seed…
pub struct StrictText<T>(pub T);

/// Who receives what is read.
struct Receiver<V> {
    visitor: V,
    wants_text: bool,
}

fn receiver<V>(visitor: V) -> Receiver<V> {
    Receiver {
        visitor,
        wants_text: false,
    }
}

macro_rules! forward_deserialize {
    ($($name:ident($($argument:ident: $type:ty),*) wants_text $text:literal;)*) => {$(
        fn $name<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$name($($argument,)* Receiver { visitor, wants_text: $text })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for StrictText<D> {
    type Error = D::Error;

    forward_deserialize! {
        deserialize_any() wants_text false;
        deserialize_bool() wants_text false;
        deserialize_i8() wants_text false;
        deserialize_i16() wants_text false;
        deserialize_i32() wants_text false;
        deserialize_i64() wants_text false;
        deserialize_i128() wants_text false;
        deserialize_u8() wants_text false;
        deserialize_u16() wants_text false;
        deserialize_u32() wants_text false;
        deserialize_u64() wants_text false;
        deserialize_u128() wants_text false;
        deserialize_f32() wants_text false;
        deserialize_f64() wants_text false;
        deserialize_char() wants_text true;
        deserialize_str() wants_text true;
        deserialize_string() wants_text true;
        deserialize_bytes() wants_text false;
        deserialize_byte_buf() wants_text false;
        deserialize_option() wants_text false;
        deserialize_unit() wants_text false;
        deserialize_unit_struct(name: &'static str) wants_text false;
        deserialize_newtype_struct(name: &'static str) wants_text false;
        deserialize_seq() wants_text false;
        deserialize_tuple(len: usize) wants_text false;
        deserialize_tuple_struct(name: &'static str, len: usize) wants_text false;
        deserialize_map() wants_text false;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) wants_text false;
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) wants_text false;
        deserialize_identifier() wants_text false;
        deserialize_ignored_any() wants_text false;
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! forward_visit {
    ($($name:ident: $type:ty;)*) => {$(
        fn $name<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$name(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Receiver<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    forward_visit! {
        visit_bool: bool;
        visit_i64: i64;
        visit_i128: i128;
        visit_u64: u64;
        visit_u128: u128;
        visit_f32: f32;
        visit_f64: f64;
        visit_char: char;
        visit_str: &str;
        visit_borrowed_str: &'de str;
        visit_string: String;
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<V::Value, E> {
        if self.wants_text {
            return Err(E::invalid_type(Unexpected::Bytes(value), &self.visitor));
        }
        self.visitor.visit_bytes(value)
    }

    fn visit_borrowed_bytes<E: Error>(self, value: &'de [u8]) -> Result<V::Value, E> {
        if self.wants_text {
            return self.visit_bytes(value);
        }
        self.visitor.visit_borrowed_bytes(value)
    }

    fn visit_byte_buf<E: Error>(self, value: Vec<u8>) -> Result<V::Value, E> {
        if self.wants_text {
            return self.visit_bytes(&value);
        }
        self.visitor.visit_byte_buf(value)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(StrictText(inner))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(StrictText(inner))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(StrictText(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(StrictText(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(StrictText(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for StrictText<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(StrictText(inner))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for StrictText<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(StrictText(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for StrictText<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(StrictText(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(StrictText(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for StrictText<A> {
    type Error = A::Error;
    type Variant = StrictText<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.0.variant_seed(StrictText(seed))?;
        Ok((value, StrictText(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for StrictText<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(StrictText(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, receiver(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, receiver(visitor))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::decode;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Order {
        note: Option<String>,
        #[serde(with = "serde_bytes")]
        seal: Vec<u8>,
    }

    /// `{"note": …, "seal": bin "ab"}`
    fn order(note: &[u8]) -> Vec<u8> {
        [b"\x82\xa4note", note, b"\xa4seal\xc4\x02ab"].concat()
    }

    #[test]
    fn binary_is_no_text() {
        assert_eq!(decode::<String>(b"\xa2ab").as_deref(), Ok("ab"));
        assert!(decode::<String>(b"\xc4\x02ab").is_err());
        assert!(decode::<Option<String>>(b"\xc4\x02ab").is_err());
        assert!(decode::<Vec<String>>(b"\x91\xc4\x02ab").is_err());
    }

    #[test]
    fn binary_is_no_text_inside_a_value_and_stays_binary_elsewhere() {
        let text = Order {
            note: Some("hi".into()),
            seal: b"ab".to_vec(),
        };
        assert_eq!(decode(&order(b"\xa2hi")), Ok(text));
        assert!(decode::<Order>(&order(b"\xc4\x02hi")).is_err());
    }
}
