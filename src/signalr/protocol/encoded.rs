//! Values encoded piece by piece: an answer of many megabytes is made in turns, so that others are
//! served meanwhile.

use std::marker::PhantomData;

use super::{Protocol, error::EncodeError, json, messagepack::writer, value::Encode};

/// An array of `T` that grows item by item, in the encoding of whom it is for.
#[derive(Debug)]
pub struct EncodedArray<T> {
    protocol: Protocol,
    length: usize,
    items: Vec<u8>,
    of: PhantomData<fn(&T)>,
}

impl<T> EncodedArray<T> {
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            length: 0,
            items: Vec::new(),
            of: PhantomData,
        }
    }

    /// Appends an item that looks like a `T`. One that cannot be encoded leaves nothing behind.
    pub fn push(&mut self, item: &dyn Encode) -> Result<(), EncodeError> {
        let before = self.items.len();
        if self.protocol == Protocol::Json && self.length > 0 {
            self.items.push(b',');
        }
        let pushed = item.encode(self.protocol, &mut self.items);
        match pushed {
            Ok(()) => self.length += 1,
            Err(_) => self.items.truncate(before),
        }
        pushed
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes of its items.
    pub fn bytes(&self) -> usize {
        self.items.len()
    }
}

impl<T> Encode for EncodedArray<T> {
    fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if protocol != self.protocol {
            return Err(EncodeError::new("the array was encoded for somebody else"));
        }
        match protocol {
            Protocol::Json => {
                out.push(b'[');
                out.extend_from_slice(&self.items);
                out.push(b']');
            }
            Protocol::MessagePack => {
                writer::array(out, self.length);
                out.extend_from_slice(&self.items);
            }
        }
        Ok(())
    }
}

/// Appends an object of these members.
pub fn encode_object(
    protocol: Protocol,
    out: &mut Vec<u8>,
    members: &[(&str, &dyn Encode)],
) -> Result<(), EncodeError> {
    if protocol == Protocol::MessagePack {
        writer::map(out, members.len());
    }
    for (index, (name, value)) in members.iter().enumerate() {
        match protocol {
            Protocol::Json => {
                out.push(if index == 0 { b'{' } else { b',' });
                json::encode(name, out)?;
                out.push(b':');
            }
            Protocol::MessagePack => writer::string(out, name),
        }
        value.encode(protocol, out)?;
    }
    match (protocol, members) {
        (Protocol::MessagePack, _) => {}
        (Protocol::Json, []) => out.extend_from_slice(b"{}"),
        (Protocol::Json, _) => out.push(b'}'),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::signalr::protocol::{Decode, Raw};

    #[test]
    fn pieces_are_what_the_whole_would_have_been() {
        for protocol in Protocol::ALL {
            for items in [json!([]), json!([1, {"a": [null, "b"]}, 2.5])] {
                let mut array = EncodedArray::<Value>::new(protocol);
                for item in items.as_array().expect("an array") {
                    array.push(item).expect("is encoded");
                }
                let members: [(&str, &dyn Encode); 2] = [("all", &array), ("of", &7)];
                let mut encoded = Vec::new();
                encode_object(protocol, &mut encoded, &members).expect("is encoded");
                let whole = match protocol {
                    Protocol::Json => Raw::Json(std::str::from_utf8(&encoded).expect("is text")),
                    Protocol::MessagePack => Raw::MessagePack(&encoded),
                };
                let decoded = Value::decode(whole).expect("is one value");
                assert_eq!(decoded, json!({"all": items, "of": 7}), "{protocol:?}");
            }
        }
    }

    #[test]
    fn an_item_that_cannot_be_encoded_is_left_out() {
        let mut array = EncodedArray::<Value>::new(Protocol::Json);
        array.push(&1).expect("is encoded");
        let no_key = std::collections::HashMap::from([(vec![1], 1)]);
        assert!(array.push(&no_key).is_err());
        array.push(&2).expect("is encoded");
        let mut encoded = Vec::new();
        array.encode(Protocol::Json, &mut encoded).expect("fits");
        assert_eq!(encoded, b"[1,2]");
        assert!(array.encode(Protocol::MessagePack, &mut encoded).is_err());
    }
}
