//! A record as a whole: that it is UTF-8, an object, and not nested too deeply.

use serde::de::{Deserializer, IgnoredAny, Visitor};

use super::MAXIMUM_DEPTH;
use crate::signalr::protocol::error::ProtocolError;

/// Runs `visitor` over the object that `record` must be, and nothing but that object.
pub fn read_object<'a, V: Visitor<'a>>(
    record: &'a [u8],
    visitor: V,
) -> Result<V::Value, ProtocolError> {
    let text = check(record)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    (&mut deserializer)
        .deserialize_map(visitor)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|_| ProtocolError::MalformedJson)
}

/// What can be said about a record before looking at its members.
fn check(record: &[u8]) -> Result<&str, ProtocolError> {
    let text = std::str::from_utf8(record).map_err(|_| ProtocolError::MalformedJson)?;
    let token = match record.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') if is_too_deep(record) => return Err(ProtocolError::MalformedJson),
        Some(b'{') => return Ok(text),
        // The reference stops at this byte, whatever follows.
        Some(b'[') => return Err(ProtocolError::NotAnObject("Array")),
        Some(b'"') => "String",
        Some(b't') => "True",
        Some(b'f') => "False",
        Some(b'n') => "Null",
        Some(b'-' | b'0'..=b'9') => "Number",
        _ => return Err(ProtocolError::MalformedJson),
    };
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Err(ProtocolError::NotAnObject(token)),
        Err(_) => Err(ProtocolError::MalformedJson),
    }
}

/// Whether arrays and objects nest deeper than allowed. `serde_json` does not look at the depth
/// of values that it does not take apart.
pub fn is_too_deep(json: &[u8]) -> bool {
    // Only text with many brackets can be deep, and counting them is a fraction of the walk.
    let brackets = json.iter().filter(|&&byte| byte | 0x20 == b'{').count();
    brackets > MAXIMUM_DEPTH && depth(json) > MAXIMUM_DEPTH
}

fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}
