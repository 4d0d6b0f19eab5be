//! A hub message around the arguments.

use super::{Part, SENTINEL_SEQ, SENTINEL_TS, Template, Vars, encode, push_lit, put_dec};
use crate::mp;
use crate::ws::{Proto, RS, put_varint};

impl Template {
    /// The hub message `type` (1 invocation, 4 stream invocation) as one record of `proto`,
    /// terminator or length prefix included.
    pub fn message(
        proto: Proto,
        ty: u8,
        with_id: bool,
        target: &str,
        args: &str,
    ) -> Result<Template, String> {
        let t = Template::parse(args)?;
        let mut probe = Vec::new();
        t.render(
            &mut probe,
            &Vars {
                seq: SENTINEL_SEQ,
                ts: SENTINEL_TS,
                i: 0,
                id: 0,
            },
        );
        let val: serde_json::Value = serde_json::from_slice(&probe).map_err(|e| {
            format!(
                "arguments are not JSON: {e}: {}",
                String::from_utf8_lossy(&probe)
            )
        })?;
        let Some(list) = val.as_array() else {
            return Err(format!("arguments must be a JSON array: {args}"));
        };
        let mut parts = Vec::new();
        match proto {
            Proto::Json => {
                push_lit(&mut parts, format!("{{\"type\":{ty}").as_bytes());
                if with_id {
                    push_lit(&mut parts, b",\"invocationId\":\"");
                    parts.push(Part::Id);
                    push_lit(&mut parts, b"\"");
                }
                let target = serde_json::to_string(target).unwrap();
                push_lit(
                    &mut parts,
                    format!(",\"target\":{target},\"arguments\":").as_bytes(),
                );
                for p in t.parts {
                    match p {
                        Part::Lit(b) => push_lit(&mut parts, &b),
                        p => parts.push(p),
                    }
                }
                push_lit(&mut parts, &[b'}', RS]);
                Ok(Template { parts })
            }
            Proto::Msgpack => {
                if t.parts.iter().any(|p| matches!(p, Part::I(_))) {
                    return Err("{{i}} is not available in a MessagePack message that is rendered on the fly".into());
                }
                push_lit(&mut parts, &[0x96, ty, 0x80]);
                if with_id {
                    push_lit(&mut parts, &[0xaa]);
                    parts.push(Part::Id10);
                } else {
                    push_lit(&mut parts, &[0xc0]);
                }
                let mut b = Vec::new();
                mp::put_str(&mut b, target.as_bytes());
                push_lit(&mut parts, &b);
                let mut b = Vec::new();
                mp::put_array(&mut b, list.len());
                push_lit(&mut parts, &b);
                for v in list {
                    encode(v, &mut parts);
                }
                push_lit(&mut parts, &[0x90]);
                let body = Template { parts };
                let mut pre = Vec::new();
                put_varint(&mut pre, body.fixed_len());
                let mut parts = Vec::new();
                push_lit(&mut parts, &pre);
                for p in body.parts {
                    match p {
                        Part::Lit(b) => push_lit(&mut parts, &b),
                        p => parts.push(p),
                    }
                }
                Ok(Template { parts })
            }
        }
    }

    /// Renders `args` for connection `i` first, then builds the message; for set-up, not for hot paths.
    pub fn message_for(
        proto: Proto,
        ty: u8,
        with_id: bool,
        target: &str,
        args: &str,
        i: u64,
    ) -> Result<Template, String> {
        let t = Template::parse(args)?;
        let mut v = Vec::new();
        for p in &t.parts {
            match p {
                Part::Lit(b) => v.extend_from_slice(b),
                Part::I(m) => put_dec(&mut v, if *m == 0 { i } else { i % m }),
                Part::Seq => v.extend_from_slice(b"{{seq}}"),
                Part::Ts => v.extend_from_slice(b"{{ts}}"),
                _ => unreachable!(),
            }
        }
        Template::message(proto, ty, with_id, target, &String::from_utf8_lossy(&v))
    }
}
