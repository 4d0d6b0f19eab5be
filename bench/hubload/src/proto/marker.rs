//! Numbers that are found by their keys, without parsing the record.

use memchr::memmem;

use super::digits;
use crate::{mp, ws::Proto};

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
