//! Publishing past the server, to its Redis backplane.

use std::collections::VecDeque;

use super::{Acks, Link, Sock};
use crate::stats::now_ns;
use crate::template::{RedisPayload, Template, Vars, put_dec};

pub struct RedisLink {
    pub(super) sock: Sock,
    pub(super) head: Vec<u8>,
    pub(super) payload: Result<RedisPayload, Template>,
    pub(super) tmp: Vec<u8>,
    pub(super) sent: VecDeque<u64>,
    pub(super) inflight: usize,
    pub(super) inp: Vec<u8>,
    pub(super) acks: Acks,
}

impl Link for RedisLink {
    fn room(&self) -> bool {
        self.sent.len() < self.inflight && self.sock.pending() < 1 << 20
    }
    fn push(&mut self, v: Vars) {
        self.tmp.clear();
        match &mut self.payload {
            Ok(p) => p.render(&mut self.tmp, &v),
            Err(t) => t.render(&mut self.tmp, &v),
        }
        let o = &mut self.sock.out;
        o.extend_from_slice(&self.head);
        put_dec(o, self.tmp.len() as u64);
        o.extend_from_slice(b"\r\n");
        o.extend_from_slice(&self.tmp);
        o.extend_from_slice(b"\r\n");
        self.sent.push_back(now_ns());
    }
    fn flush(&mut self) -> Result<(), String> {
        self.sock.flush()
    }
    fn pollfds(&self, v: &mut Vec<libc::pollfd>) {
        v.push(self.sock.pollfd());
    }
    fn readable(&mut self, _: usize, buf: &mut [u8]) -> Result<(), String> {
        match self.sock.recv(buf)? {
            None => return Ok(()),
            Some(0) => return Err("redis: eof".into()),
            Some(n) => self.inp.extend_from_slice(&buf[..n]),
        }
        let mut at = 0;
        while let Some(e) = memchr::memmem::find(&self.inp[at..], b"\r\n") {
            let l = &self.inp[at..at + e];
            at += e + 2;
            let since = self.sent.pop_front().unwrap_or_else(now_ns);
            match l.first() {
                Some(b':') => {
                    self.acks.ack(since);
                    let n: u64 = std::str::from_utf8(&l[1..])
                        .ok()
                        .and_then(|s| s.parse().ok())
                        .unwrap_or(0);
                    let r = self.acks.receivers.get_or_insert((n, n));
                    *r = (r.0.min(n), r.1.max(n));
                }
                _ => self
                    .acks
                    .error(format!("redis: {}", String::from_utf8_lossy(l))),
            }
        }
        self.inp.drain(..at);
        Ok(())
    }
    fn outstanding(&self) -> usize {
        self.sent.len()
    }
    fn acks(&mut self) -> &mut Acks {
        &mut self.acks
    }
}
