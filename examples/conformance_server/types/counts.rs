//! `map`: text to int. Keys stay as they are and in the order given.

use std::fmt;

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// Numbers by name. Of a name given twice the last number counts.
pub struct Counts(IndexMap<String, i32>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Counts;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map of text to int")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Counts, A::Error> {
        let mut counts = IndexMap::new();
        while let Some((name, count)) = entries.next_entry()? {
            counts.insert(name, count);
        }
        Ok(Counts(counts))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[test]
    fn order_is_kept_and_the_last_of_a_name_counts() {
        assert_eq!(json::<Counts>("{}").as_deref(), Some("{}"));
        let given = r#"{"b":1,"A":2,"c d":3,"b":4}"#;
        assert_eq!(
            json::<Counts>(given).as_deref(),
            Some(r#"{"b":4,"A":2,"c d":3}"#)
        );
        assert_eq!(json::<Counts>(r#"{"b":null}"#), None);
        assert_eq!(json::<Counts>("[]"), None);
        let packed = [0x82, 0xa1, b'b', 1, 0xa1, b'A', 2];
        assert_eq!(message_pack::<Counts>(&packed), Some(packed.to_vec()));
    }
}
