//! JSON arguments as MessagePack, with holes for what changes.

use super::{Part, push_lit};
use crate::mp;

pub const SENTINEL_SEQ: u64 = 9_007_199_254_740_881; // 16 digits

pub const SENTINEL_TS: u64 = 9_007_199_254_740_882;

/// JSON value -> MessagePack parts; the sentinels become holes.
pub fn encode(v: &serde_json::Value, parts: &mut Vec<Part>) {
    use serde_json::Value as V;
    let mut b = Vec::new();
    match v {
        V::Null => b.push(0xc0),
        V::Bool(x) => b.push(if *x { 0xc3 } else { 0xc2 }),
        V::Number(n) => {
            if n.as_u64() == Some(SENTINEL_SEQ) {
                return parts.push(Part::SeqU64);
            }
            if n.as_u64() == Some(SENTINEL_TS) {
                return parts.push(Part::TsU64);
            }
            if let Some(u) = n.as_u64() {
                mp::put_uint(&mut b, u);
            } else if let Some(i) = n.as_i64() {
                mp::put_int(&mut b, i);
            } else {
                b.push(0xcb);
                b.extend_from_slice(&n.as_f64().unwrap_or(0.0).to_be_bytes());
            }
        }
        V::String(s) => {
            mp::put_str_header(&mut b, s.len());
            push_lit(parts, &b);
            let (ss, ts) = (SENTINEL_SEQ.to_string(), SENTINEL_TS.to_string());
            let mut rest = s.as_str();
            loop {
                let next = [(rest.find(&ss), Part::Seq16), (rest.find(&ts), Part::Ts16)]
                    .into_iter()
                    .filter_map(|(p, w)| p.map(|p| (p, w)))
                    .min_by_key(|x| x.0);
                match next {
                    Some((at, what)) => {
                        push_lit(parts, &rest.as_bytes()[..at]);
                        parts.push(what);
                        rest = &rest[at + 16..];
                    }
                    None => return push_lit(parts, rest.as_bytes()),
                }
            }
        }
        V::Array(a) => {
            mp::put_array(&mut b, a.len());
            push_lit(parts, &b);
            for x in a {
                encode(x, parts);
            }
            return;
        }
        V::Object(m) => {
            mp::put_map(&mut b, m.len());
            push_lit(parts, &b);
            for (k, x) in m {
                let mut kb = Vec::new();
                mp::put_str(&mut kb, k.as_bytes());
                push_lit(parts, &kb);
                encode(x, parts);
            }
            return;
        }
    }
    push_lit(parts, &b);
}
