//! `Person`: camelCase in JSON, read without regard to case; exactly as declared in MessagePack.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, Visitor},
    ser::SerializeStruct,
};

/// A record of three members. Missing ones are null or 0, unknown ones dropped.
#[derive(Default)]
pub struct Person {
    first_name: Option<String>,
    age: i32,
    nick: Option<String>,
}

impl Serialize for Person {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [first_name, age, nick] = if serializer.is_human_readable() {
            ["firstName", "age", "nick"]
        } else {
            ["FirstName", "Age", "Nick"]
        };
        let mut person = serializer.serialize_struct("Person", 3)?;
        person.serialize_field(first_name, &self.first_name)?;
        person.serialize_field(age, &self.age)?;
        person.serialize_field(nick, &self.nick)?;
        person.end()
    }
}

impl<'de> Deserialize<'de> for Person {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let any_case = deserializer.is_human_readable();
        deserializer.deserialize_map(Members { any_case })
    }
}

struct Members {
    any_case: bool,
}

impl Members {
    fn is(&self, name: &str, member: &str) -> bool {
        name == member || self.any_case && name.eq_ignore_ascii_case(member)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Person;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a Person")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Person, A::Error> {
        let mut person = Person::default();
        while let Some(name) = members.next_key::<String>()? {
            if self.is(&name, "FirstName") {
                person.first_name = members.next_value()?;
            } else if self.is(&name, "Age") {
                person.age = members.next_value()?;
            } else if self.is(&name, "Nick") {
                person.nick = members.next_value()?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(person)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[test]
    fn json_reads_any_case_and_writes_camel_case() {
        let cases = [
            (
                r#"{"FirstName":"Ann","AGE":3}"#,
                r#"{"firstName":"Ann","age":3,"nick":null}"#,
            ),
            (
                r#"{"nick":"N","extra":[1]}"#,
                r#"{"firstName":null,"age":0,"nick":"N"}"#,
            ),
        ];
        for (given, written) in cases {
            assert_eq!(json::<Person>(given).as_deref(), Some(written));
        }
        for refused in ["[\"Ann\",3,null]", r#"{"age":null}"#, r#"{"firstName":5}"#] {
            assert_eq!(json::<Person>(refused), None, "{refused}");
        }
    }

    #[test]
    fn message_pack_names_are_exact() {
        let pack = |name: &[u8]| [&[0x81, 0xa3][..], name, &[4]].concat();
        let written = |age| {
            let mut bytes = b"\x83\xa9FirstName\xc0\xa3Age".to_vec();
            bytes.push(age);
            bytes.extend(b"\xa4Nick\xc0");
            Some(bytes)
        };
        assert_eq!(message_pack::<Person>(&pack(b"Age")), written(4));
        assert_eq!(message_pack::<Person>(&pack(b"age")), written(0));
    }
}
