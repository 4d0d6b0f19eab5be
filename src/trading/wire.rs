//! Events as clients see them: one flat JSON object, written in one pass.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::clock::Timestamp;
use super::ids::Id;
use crate::eventlog::{self, Stamp};
use crate::signalr::protocol::{Encode, EncodeError, Protocol};

/// Writes `{"<id_member>":…,"epoch":…,"seq":…,"ts":…,…fields}`.
pub fn encode_event(
    (id_member, id): (&str, &Id),
    stamp: Stamp<'_>,
    ts: Timestamp,
    fields: &impl Serialize,
) -> Bytes {
    let mut body = Vec::with_capacity(256);
    body.extend_from_slice(b"{\"");
    body.extend_from_slice(id_member.as_bytes());
    body.extend_from_slice(b"\":");
    append(&mut body, &**id);
    body.extend_from_slice(b",\"epoch\":");
    append(&mut body, stamp.epoch);
    body.extend_from_slice(b",\"seq\":");
    append(&mut body, &stamp.seq);
    body.extend_from_slice(b",\"ts\":");
    append(&mut body, &ts);
    append_members(&mut body, fields);
    // It may be kept for long.
    body.shrink_to_fit();
    body.into()
}

/// What a log kept, as the object that stands in a subscription's `events`: `{type, ...event}`.
pub struct WithType<'a>(pub &'a eventlog::Event);

impl Encode for WithType<'_> {
    fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let eventlog::Event { name, body, .. } = self.0;
        // Every body has members: see above.
        let mut object = Vec::with_capacity(body.len() + name.len() + 16);
        object.extend_from_slice(b"{\"type\":");
        append(&mut object, &**name);
        object.push(b',');
        object.extend_from_slice(body.get(1..).unwrap_or_default());
        if protocol == Protocol::Json {
            out.extend_from_slice(&object);
            return Ok(());
        }
        let object: Value =
            serde_json::from_slice(&object).map_err(|error| EncodeError::new(error.to_string()))?;
        object.encode(protocol, out)
    }
}

fn append(body: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Writing into memory does not fail, and what we write has string keys and finite numbers.
    let _ = serde_json::to_writer(body, value);
}

/// Adds an object's members to an object that is still open, and closes it.
fn append_members(body: &mut Vec<u8>, fields: &impl Serialize) {
    let start = body.len();
    append(body, fields);
    match &body[start..] {
        [b'{', b'}'] => body.truncate(start),
        [b'{', ..] => {
            body[start] = b',';
            return;
        }
        _ => body.truncate(start),
    }
    body.push(b'}');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::eventlog::Epoch;

    #[test]
    fn an_event_is_one_flat_object() {
        let epoch = Epoch::from("e");
        let stamp = Stamp {
            epoch: &epoch,
            seq: 7,
        };
        for (fields, more) in [
            (json!({}), ""),
            (json!(null), ""),
            (json!({"a": {"b": 1}}), r#","a":{"b":1}"#),
        ] {
            let body = encode_event(("botId", &"x\"y".into()), stamp, Timestamp(0), &fields);
            let expected = format!(
                r#"{{"botId":"x\"y","epoch":"e","seq":7,"ts":"1970-01-01T00:00:00.000Z"{more}}}"#
            );
            assert_eq!(body, expected);
        }
    }
}
