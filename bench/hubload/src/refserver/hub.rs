//! The hub's methods.

use super::{Loop, Msg, QUEUE_HIGH, Stream, unquote};
use crate::ws;
use crate::ws::{Proto, Sink};

pub struct Srv<'a> {
    pub(super) l: &'a mut Loop,
    pub(super) slot: u32,
}

impl Srv<'_> {
    pub(super) fn answer(&mut self, f: impl FnOnce(&mut Vec<u8>)) {
        let mut b = std::mem::take(&mut self.l.body);
        b.clear();
        f(&mut b);
        ws::put_frame(&mut self.l.reply, ws::OP_TEXT, &b, None);
        self.l.body = b;
    }
    pub(super) fn error(&mut self, id: Option<&[u8]>, text: &str) {
        if let Some(id) = id {
            self.answer(|b| {
                b.extend_from_slice(b"{\"type\":3,\"invocationId\":\"");
                b.extend_from_slice(id);
                b.extend_from_slice(format!("\",\"error\":\"{text}\"}}\x1e").as_bytes());
            });
        }
    }
}

impl Sink for Srv<'_> {
    fn handshake(&mut self, rec: &[u8]) -> Option<Proto> {
        if memchr::memmem::find(rec, b"\"json\"").is_some() {
            self.answer(|b| b.extend_from_slice(b"{}\x1e"));
        } else {
            self.answer(|b| b.extend_from_slice(b"{\"error\":\"only json is spoken here\"}\x1e"));
        }
        None
    }

    fn record(&mut self, rec: &[u8]) {
        let Some(m) = Msg::parse(rec) else { return };
        match m.ty {
            b'1' | b'4' => {}
            b'5' => {
                if let (Some(c), Some(id)) = (self.l.conns[self.slot as usize].as_mut(), m.id) {
                    c.streams.retain(|s| s.id != id);
                }
                return;
            }
            _ => return,
        }
        let slot = self.slot;
        match (m.target, m.ty) {
            (b"Publish", b'1') => match (m.arg(0).and_then(unquote), m.arg(1)) {
                (Some(g), Some(p)) => {
                    self.l.publish(g, p);
                    if let Some(id) = m.id {
                        self.answer(|b| completion(b, id, Some(b"null")));
                    }
                    if self.l.queued > QUEUE_HIGH
                        && let Some(c) = self.l.conns[slot as usize].as_mut()
                        && !c.paused
                    {
                        c.paused = true;
                        self.l.paused.push(slot);
                    }
                }
                _ => self.error(m.id, "Publish takes a group and a payload"),
            },
            (b"Echo", b'1') => {
                if let Some(id) = m.id {
                    let a = m.arg(0).unwrap_or(b"null");
                    self.answer(|b| completion(b, id, Some(a)));
                }
            }
            (b"Subscribe", b'1') => match m.arg(0).and_then(unquote) {
                Some(name) => {
                    let g = self.l.group(name);
                    if let Some(c) = self.l.conns[slot as usize].as_mut()
                        && !c.groups.contains(&g)
                    {
                        c.groups.push(g);
                        self.l.groups[g].members.push((c.fd, slot));
                    }
                    if let Some(id) = m.id {
                        self.answer(|b| completion(b, id, Some(b"null")));
                    }
                }
                None => self.error(m.id, "Subscribe takes a group"),
            },
            (b"Count", b'4') => {
                let n = m
                    .arg(0)
                    .and_then(|a| std::str::from_utf8(a).ok())
                    .and_then(|s| s.parse().ok());
                match (n, m.id, self.l.conns[slot as usize].as_mut()) {
                    (Some(n), Some(id), Some(c)) => {
                        c.streams.push(Stream {
                            id: id.to_vec(),
                            next: 0,
                            n,
                        });
                        if c.streams.len() == 1 && self.l.blocked[slot as usize] == 0 {
                            self.l.runnable.push_back(slot);
                        }
                    }
                    _ => self.error(m.id, "Count takes a number"),
                }
            }
            _ => self.error(m.id, "no such method"),
        }
    }

    fn ping(&mut self, p: &[u8]) {
        ws::put_frame(&mut self.l.reply, ws::OP_PONG, p, None);
    }

    fn close(&mut self, code: u16, _: &[u8]) {
        let code = if code == 1005 { 1000 } else { code };
        ws::put_frame(&mut self.l.reply, ws::OP_CLOSE, &code.to_be_bytes(), None);
        self.l.send_reply(self.slot);
        let slot = self.slot;
        if let Some(c) = self.l.conns[slot as usize].as_mut() {
            if self.l.blocked[slot as usize] == 0 {
                self.l.doomed.push(slot);
            } else {
                c.close_when_flushed = true;
            }
        }
    }
}

pub fn completion(out: &mut Vec<u8>, id: &[u8], result: Option<&[u8]>) {
    out.extend_from_slice(b"{\"type\":3,\"invocationId\":\"");
    out.extend_from_slice(id);
    match result {
        Some(r) => {
            out.extend_from_slice(b"\",\"result\":");
            out.extend_from_slice(r);
            out.extend_from_slice(b"}\x1e");
        }
        None => out.extend_from_slice(b"\"}\x1e"),
    }
}
