//! `bytes`: base64 in JSON; in MessagePack bin, also read from text and from a list of bytes.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

/// Some bytes.
pub struct Binary(pub Vec<u8>);

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            // White space is allowed anywhere.
            let mut text = String::deserialize(deserializer)?;
            text.retain(|character| !matches!(character, ' ' | '\t' | '\r' | '\n'));
            STANDARD.decode(text).map(Self).map_err(D::Error::custom)
        } else {
            deserializer.deserialize_any(Bytes).map(Self)
        }
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[test]
    fn json_is_base64_with_padding() {
        for text in ["\"\"", "\"AQID\"", "\"+/8=\""] {
            assert_eq!(json::<Binary>(text).as_deref(), Some(text));
        }
        assert_eq!(json::<Binary>("\" A Q = =\"").as_deref(), Some("\"AQ==\""));
        for text in ["\"+/8\"", "\"-_8=\"", "[1]", "5"] {
            assert_eq!(json::<Binary>(text), None, "{text}");
        }
    }

    #[test]
    fn message_pack_is_bin_and_reads_text_and_lists_too() {
        let bin = Some(vec![0xc4, 2, b'a', b'b']);
        assert_eq!(message_pack::<Binary>(&[0xc4, 2, b'a', b'b']), bin);
        assert_eq!(message_pack::<Binary>(&[0xa2, b'a', b'b']), bin);
        assert_eq!(message_pack::<Binary>(&[0x92, b'a', b'b']), bin);
        assert_eq!(message_pack::<Binary>(&[0x91, 0xcd, 1, 0]), None);
        assert_eq!(message_pack::<Binary>(&[5]), None);
    }
}
