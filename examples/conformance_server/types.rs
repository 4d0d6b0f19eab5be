//! Types that look different in the two protocols, as the reference writes them.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Timelike};
use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

/// What a text parameter holds: null binds to it too.
pub type Text = Option<String>;

/// Text to number, in the order given; of a repeated key the last value counts.
pub type Map = Option<IndexMap<String, i32>>;

/// A person: camelCase members in JSON, matched in any case; declared names in MessagePack.
#[derive(Default)]
pub struct Person {
    first_name: Text,
    age: i32,
    nick: Text,
}

const JSON_NAMES: [&str; 3] = ["firstName", "age", "nick"];
const DECLARED_NAMES: [&str; 3] = ["FirstName", "Age", "Nick"];

impl Serialize for Person {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = if serializer.is_human_readable() {
            JSON_NAMES
        } else {
            DECLARED_NAMES
        };
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(names[0], &self.first_name)?;
        map.serialize_entry(names[1], &self.age)?;
        map.serialize_entry(names[2], &self.nick)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Person {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let any_case = deserializer.is_human_readable();
        deserializer.deserialize_map(PersonVisitor { any_case })
    }
}

struct PersonVisitor {
    any_case: bool,
}

impl<'de> Visitor<'de> for PersonVisitor {
    type Value = Person;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a person")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Person, A::Error> {
        let mut person = Person::default();
        while let Some(name) = map.next_key::<String>()? {
            let known = DECLARED_NAMES.iter().position(|declared| {
                if self.any_case {
                    declared.eq_ignore_ascii_case(&name)
                } else {
                    **declared == *name
                }
            });
            match known {
                Some(0) => person.first_name = map.next_value()?,
                Some(1) => person.age = map.next_value()?,
                Some(_) => person.nick = map.next_value()?,
                None => drop(map.next_value::<de::IgnoredAny>()?),
            }
        }
        Ok(person)
    }
}

/// A number that JSON may not be able to hold.
pub struct Double(pub f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() && !self.0.is_finite() {
            return Err(serde::ser::Error::custom(
                "numbers that are not finite cannot be written as valid JSON",
            ));
        }
        serializer.serialize_f64(self.0)
    }
}

/// Bytes: base64 text in JSON, binary in MessagePack.
pub struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let base64 = deserializer.is_human_readable();
        if base64 {
            deserializer.deserialize_str(BytesVisitor { base64 })
        } else {
            deserializer.deserialize_any(BytesVisitor { base64 })
        }
    }
}

struct BytesVisitor {
    base64: bool,
}

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        if !self.base64 {
            return Ok(Bytes(text.as_bytes().to_vec()));
        }
        let text: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'))
            .collect();
        STANDARD.decode(text).map(Bytes).map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes))
    }
}

/// A date in steps of 100 ns: ISO text in JSON, a timestamp extension in MessagePack.
pub struct Date {
    at: NaiveDateTime,
    utc: bool,
}

/// The name rmp-serde knows extension values by.
const EXTENSION: &str = rmp_serde::MSGPACK_EXT_STRUCT_NAME;

impl Date {
    fn parse(text: &str) -> Option<Self> {
        let (rest, utc) = match text.strip_suffix('Z') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let at = match rest.split_once('T') {
            None if utc => return None,
            None => NaiveDate::parse_from_str(rest, "%Y-%m-%d")
                .ok()?
                .and_hms_opt(0, 0, 0)?,
            Some((_, time)) => {
                let fraction = time
                    .split_once('.')
                    .map_or(0, |(_, fraction)| fraction.len());
                if fraction > 7 || time.ends_with('.') {
                    return None;
                }
                let format = if time.matches(':').count() == 1 {
                    "%Y-%m-%dT%H:%M"
                } else {
                    "%Y-%m-%dT%H:%M:%S%.f"
                };
                NaiveDateTime::parse_from_str(rest, format).ok()?
            }
        };
        Some(Self { at, utc })
    }

    fn text(&self) -> String {
        let mut text = self.at.format("%Y-%m-%dT%H:%M:%S").to_string();
        let ticks = self.at.nanosecond() / 100;
        if ticks > 0 {
            text.push('.');
            text.push_str(format!("{ticks:07}").trim_end_matches('0'));
        }
        if self.utc {
            text.push('Z');
        }
        text
    }

    /// The shortest of the three layouts of extension -1.
    fn extension(&self) -> Vec<u8> {
        let (seconds, nanos) = (
            self.at.and_utc().timestamp(),
            self.at.nanosecond() / 100 * 100,
        );
        match (u64::try_from(seconds), nanos) {
            (Ok(seconds), 0) if seconds <= u64::from(u32::MAX) => {
                (seconds as u32).to_be_bytes().to_vec()
            }
            (Ok(seconds), _) if seconds >> 34 == 0 => {
                (u64::from(nanos) << 34 | seconds).to_be_bytes().to_vec()
            }
            _ => [&nanos.to_be_bytes()[..], &seconds.to_be_bytes()[..]].concat(),
        }
    }

    fn from_extension(bytes: &[u8]) -> Option<Self> {
        let (seconds, nanos) = match bytes.len() {
            4 => (i64::from(u32::from_be_bytes(bytes.try_into().ok()?)), 0),
            8 => {
                let both = u64::from_be_bytes(bytes.try_into().ok()?);
                ((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32)
            }
            12 => (
                i64::from_be_bytes(bytes[4..].try_into().ok()?),
                u32::from_be_bytes(bytes[..4].try_into().ok()?),
            ),
            _ => return None,
        };
        let at = DateTime::from_timestamp(seconds, nanos)?.naive_utc();
        Some(Self { at, utc: true })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "_ExtStruct")]
struct Extension((i8, serde_bytes::ByteBuf));

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        debug_assert_eq!(EXTENSION, "_ExtStruct");
        if serializer.is_human_readable() {
            serializer.serialize_str(&self.text())
        } else {
            Extension((-1, self.extension().into())).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let date = if deserializer.is_human_readable() {
            Self::parse(&String::deserialize(deserializer)?)
        } else {
            let Extension((kind, bytes)) = Extension::deserialize(deserializer)?;
            Self::from_extension(&bytes).filter(|_| kind == -1)
        };
        date.ok_or_else(|| de::Error::custom("no date"))
    }
}
