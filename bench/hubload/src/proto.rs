//! Reading of hub messages, as cheaply as will do.

use memchr::memmem;

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

pub fn digits(b: &[u8], mut at: usize) -> Option<u64> {
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

/// A number that is found by its key: `"seq":17` in JSON, str "seq" + integer in MessagePack.
/// The place where it was found last is tried first.
pub struct Marker {
    key: Vec<u8>,
    finder: memmem::Finder<'static>,
    hint: usize,
    msgpack: Option<Box<Marker>>, // what to try first on a MessagePack connection
    is_mp: bool,
}

impl Marker {
    pub fn new(name: &str, proto: Proto) -> Marker {
        let json = Marker::raw(format!("\"{name}\":").into_bytes(), false);
        match proto {
            Proto::Json => json,
            Proto::Msgpack => {
                let mut k = Vec::new();
                mp::put_str(&mut k, name.as_bytes());
                Marker {
                    msgpack: Some(Box::new(Marker::raw(k, true))),
                    ..json
                }
            }
        }
    }

    fn raw(key: Vec<u8>, is_mp: bool) -> Marker {
        Marker {
            finder: memmem::Finder::new(&key).into_owned(),
            key,
            hint: 0,
            msgpack: None,
            is_mp,
        }
    }

    #[inline]
    pub fn find(&mut self, rec: &[u8]) -> Option<u64> {
        if let Some(m) = &mut self.msgpack
            && let Some(v) = m.find(rec)
        {
            return Some(v);
        }
        let k = self.key.len();
        let h = self.hint;
        let at = if rec.len() > h + k && rec[h..h + k] == self.key[..] {
            h
        } else {
            let p = self.finder.find(rec)?;
            self.hint = p;
            p
        };
        let at = at + k;
        if self.is_mp {
            return mp::uint(rec, at);
        }
        match rec.get(at)? {
            b'0'..=b'9' => digits(rec, at),
            _ => {
                let at = at + rec[at..].iter().position(|c| !matches!(c, b' ' | b'"'))?;
                digits(rec, at)
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_records() {
        let i = |s: &str| inspect(Proto::Json, s.as_bytes());
        assert_eq!(
            i(r#"{"type":1,"target":"x","arguments":[]}"#),
            Rec::Invocation
        );
        assert_eq!(
            i(r#"{"type":3,"invocationId":"12","result":{"error":1}}"#),
            Rec::Completion {
                id: 12,
                error: false
            }
        );
        assert_eq!(
            i(r#"{"type":3,"invocationId":"12"}"#),
            Rec::Completion {
                id: 12,
                error: false
            }
        );
        assert_eq!(
            i(r#"{"type":3,"invocationId":"12","error":"no"}"#),
            Rec::Completion {
                id: 12,
                error: true
            }
        );
        assert_eq!(
            i(r#"{"invocationId":"5","type":3,"error":"no"}"#),
            Rec::Completion { id: 5, error: true }
        );
        assert_eq!(
            i(r#"{"type": 3, "invocationId": "5"}"#),
            Rec::Completion {
                id: 5,
                error: false
            }
        );
        assert_eq!(
            i(r#"{"type":2,"invocationId":"7","item":3}"#),
            Rec::Item { id: 7 }
        );
        assert_eq!(i(r#"{"type":6}"#), Rec::Ping);
        assert_eq!(i(r#"{"type":7,"error":"x"}"#), Rec::Close);
        assert_eq!(i("junk"), Rec::Other);
        assert_eq!(error_text(Proto::Json, br#"{"type":7,"error":"x"}"#), "x");
    }

    #[test]
    fn msgpack_records() {
        let i = |b: &[u8]| inspect(Proto::Msgpack, b);
        assert_eq!(i(b"\x91\x06"), Rec::Ping);
        assert_eq!(
            i(b"\x95\x03\x80\xa212\x03\x05"),
            Rec::Completion {
                id: 12,
                error: false
            }
        );
        assert_eq!(
            i(b"\x95\x03\x81\xa1a\xa1b\xa212\x01\xa2no"),
            Rec::Completion {
                id: 12,
                error: true
            }
        );
        assert_eq!(i(b"\x94\x02\x80\xa17\x05"), Rec::Item { id: 7 });
        assert_eq!(i(b"\x93\x07\xa2no\xc2"), Rec::Close);
        assert_eq!(i(b"\x96\x01\x80\xc0\xa1x\x90\x90"), Rec::Invocation);
        assert_eq!(i(b""), Rec::Other);
        assert_eq!(i(b"\x95\x03\x80\xa2"), Rec::Other);
        assert_eq!(
            error_text(Proto::Msgpack, b"\x95\x03\x80\xa212\x01\xa2no"),
            "no"
        );
        assert_eq!(error_text(Proto::Msgpack, b"\x93\x07\xa2no\xc2"), "no");
    }

    #[test]
    fn markers() {
        let mut m = Marker::new("seq", Proto::Json);
        assert_eq!(
            m.find(br#"{"type":1,"arguments":[{"seq":12,"ts":34}]}"#),
            Some(12)
        );
        assert_eq!(
            m.find(br#"{"type":1,"arguments":[{"seq":13,"ts":34}]}"#),
            Some(13)
        );
        assert_eq!(m.find(br#"{"seq": 14}"#), Some(14));
        assert_eq!(m.find(br#"{"seq":"15"}"#), Some(15));
        assert_eq!(m.find(br#"{"type":6}"#), None);
        assert_eq!(m.find(br#"{"seq":"#), None);
        let mut m = Marker::new("ts", Proto::Msgpack);
        assert_eq!(m.find(b"..\xa2ts\xcd\x01\x00"), Some(256));
        assert_eq!(m.find(b"..\xa2ts\x05"), Some(5));
        assert_eq!(m.find(b"{\"ts\":77}"), Some(77));
        assert_eq!(
            m.find(b"\xa2ts\xcb\x40\x59\x00\x00\x00\x00\x00\x00"),
            Some(100)
        );
    }
}
