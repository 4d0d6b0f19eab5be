//! The way to the server, whichever it is.

use std::collections::BTreeMap;
use std::io;
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::client::{bump, errname};
use crate::stats::{Hist, now_ns};
use crate::template::Vars;

pub trait Link {
    fn room(&self) -> bool;
    fn push(&mut self, v: Vars);
    fn flush(&mut self) -> Result<(), String>;
    fn pollfds(&self, v: &mut Vec<libc::pollfd>);
    fn readable(&mut self, i: usize, buf: &mut [u8]) -> Result<(), String>;
    fn outstanding(&self) -> usize;
    fn acks(&mut self) -> &mut Acks;
    fn tick(&mut self) {}
    /// Says goodbye.
    fn finish(&mut self) {}
}

#[derive(Default)]
pub struct Acks {
    pub(super) hist: Option<Hist>,
    pub(super) count: u64,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) receivers: Option<(u64, u64)>,
}

impl Acks {
    pub(super) fn ack(&mut self, since: u64) {
        self.count += 1;
        if let Some(h) = &mut self.hist {
            h.saturating_record((now_ns() - since).max(1));
        }
    }
    pub(super) fn error(&mut self, e: String) {
        bump(&mut self.errors, e);
    }
}

pub struct Sock {
    pub(super) s: TcpStream,
    pub(super) out: Vec<u8>,
    pub(super) sent: usize,
}

impl Sock {
    pub(super) fn new(s: TcpStream) -> io::Result<Sock> {
        s.set_nonblocking(true)?;
        s.set_nodelay(true)?;
        Ok(Sock {
            s,
            out: Vec::new(),
            sent: 0,
        })
    }
    pub(super) fn dial(a: SocketAddrV4) -> Result<Sock, String> {
        assert!(a.ip().is_loopback());
        let s = TcpStream::connect_timeout(&a.into(), Duration::from_secs(5))
            .map_err(|e| format!("connect {a}: {}", errname(&e)))?;
        Sock::new(s).map_err(|e| errname(&e))
    }
    pub(super) fn pending(&self) -> usize {
        self.out.len() - self.sent
    }
    pub(super) fn flush(&mut self) -> Result<(), String> {
        while self.sent < self.out.len() {
            match self.s.write(&self.out[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(format!("send: {}", errname(&e))),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }
    /// None: nothing there. Some(0): the end.
    pub(super) fn recv(&mut self, buf: &mut [u8]) -> Result<Option<usize>, String> {
        match self.s.read(buf) {
            Ok(n) => Ok(Some(n)),
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(format!("receive: {}", errname(&e))),
        }
    }
    pub(super) fn pollfd(&self) -> libc::pollfd {
        let ev = if self.pending() > 0 {
            libc::POLLIN | libc::POLLOUT
        } else {
            libc::POLLIN
        };
        libc::pollfd {
            fd: self.s.as_raw_fd(),
            events: ev,
            revents: 0,
        }
    }
}

/// Requests in flight: id -> slot without a map (id = generation * K + slot).
pub struct Slots {
    pub(super) k: u64,
    pub(super) sent: Vec<u64>,
    pub(super) ids: Vec<u64>,
    pub(super) free: Vec<u32>,
}

impl Slots {
    pub(super) fn new(k: usize) -> Slots {
        Slots {
            k: k as u64,
            sent: vec![0; k],
            ids: (0..k as u64).collect(),
            free: (0..k as u32).rev().collect(),
        }
    }
    pub(super) fn take(&mut self, at: u64) -> Option<u64> {
        let s = self.free.pop()? as usize;
        self.ids[s] += self.k;
        self.sent[s] = at;
        Some(self.ids[s])
    }
    pub(super) fn give(&mut self, id: u64) -> Option<u64> {
        let s = (id % self.k) as usize;
        if self.ids[s] != id || self.sent[s] == 0 {
            return None;
        }
        self.free.push(s as u32);
        Some(std::mem::take(&mut self.sent[s]))
    }
    pub(super) fn outstanding(&self) -> usize {
        self.k as usize - self.free.len()
    }
}
