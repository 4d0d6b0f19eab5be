//! Reading of hub messages, as cheaply as will do.

mod marker;
#[cfg(test)]
mod tests;

pub use marker::Marker;

use crate::mp;
use crate::ws::Proto;

#[derive(Debug, PartialEq, Clone, Copy)]
pub enum Rec {
    Invocation,
    Item { id: u64 },
    Completion { id: u64, error: bool },
    Ping,
    Close,
    Other,
}

fn digits(b: &[u8], mut at: usize) -> Option<u64> {
    let start = at;
    let mut v = 0u64;
    while let Some(c) = b.get(at) {
        let d = c.wrapping_sub(b'0');
        if d > 9 {
            break;
        }
        v = v.wrapping_mul(10).wrapping_add(d as u64);
        at += 1;
    }
    (at > start).then_some(v)
}

#[inline]
pub fn inspect(proto: Proto, rec: &[u8]) -> Rec {
    match proto {
        Proto::Json => json(rec),
        Proto::Msgpack => msgpack(rec).unwrap_or(Rec::Other),
    }
}

#[inline]
pub fn json(rec: &[u8]) -> Rec {
    const T: &[u8] = b"{\"type\":";
    const I: &[u8] = b",\"invocationId\":\"";
    if !rec.starts_with(T) {
        return json_slow(rec);
    }
    let Some(&ty) = rec.get(T.len()) else {
        return json_slow(rec);
    };
    match ty {
        b'1' => Rec::Invocation,
        b'6' => Rec::Ping,
        b'7' => Rec::Close,
        b'2' | b'3' => {
            let at = T.len() + 1;
            if !rec[at..].starts_with(I) {
                return json_slow(rec);
            }
            let at = at + I.len();
            let Some(id) = digits(rec, at) else {
                return Rec::Other;
            };
            if ty == b'2' {
                return Rec::Item { id };
            }
            let end = at + rec[at..].iter().take_while(|c| c.is_ascii_digit()).count();
            Rec::Completion {
                id,
                error: rec[end..].starts_with(b"\",\"error\":"),
            }
        }
        _ => json_slow(rec),
    }
}

#[cold]
pub fn json_slow(rec: &[u8]) -> Rec {
    let Ok(v) = serde_json::from_slice::<serde_json::Value>(rec) else {
        return Rec::Other;
    };
    let id = v["invocationId"]
        .as_str()
        .and_then(|s| s.parse().ok())
        .unwrap_or(u64::MAX);
    match v["type"].as_u64() {
        Some(1) => Rec::Invocation,
        Some(2) => Rec::Item { id },
        Some(3) => Rec::Completion {
            id,
            error: v.get("error").is_some_and(|e| !e.is_null()),
        },
        Some(6) => Rec::Ping,
        Some(7) => Rec::Close,
        _ => Rec::Other,
    }
}

#[inline]
pub fn msgpack(rec: &[u8]) -> Option<Rec> {
    let (_, at) = mp::array(rec, 0)?;
    let ty = *rec.get(at)?;
    Some(match ty {
        1 => Rec::Invocation,
        6 => Rec::Ping,
        7 => Rec::Close,
        2 | 3 => {
            let at = mp::skip(rec, at + 1)?;
            let (id, at) = mp::str(rec, at)?;
            let id = digits(id, 0)?;
            if ty == 2 {
                Rec::Item { id }
            } else {
                Rec::Completion {
                    id,
                    error: *rec.get(at)? == 1,
                }
            }
        }
        _ => Rec::Other,
    })
}

/// Error text of a completion or close, for reports only.
pub fn error_text(proto: Proto, rec: &[u8]) -> String {
    let s = match proto {
        Proto::Json => serde_json::from_slice::<serde_json::Value>(rec)
            .ok()
            .and_then(|v| v["error"].as_str().map(str::to_owned))
            .unwrap_or_default(),
        Proto::Msgpack => (|| {
            let (_, at) = mp::array(rec, 0)?;
            let mut at = at + 1;
            if rec[at - 1] == 3 {
                at = mp::skip(rec, at)?;
                at = mp::skip(rec, at)?;
                at += 1;
            }
            Some(String::from_utf8_lossy(mp::str(rec, at)?.0).into_owned())
        })()
        .unwrap_or_default(),
    };
    s.chars().take(120).collect()
}
