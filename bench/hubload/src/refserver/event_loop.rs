//! The loop: whoever is readable or writable gets a turn.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use super::{Conn, Inbox, Loop, QUEUE_LOW, RefCfg, chk};
use crate::ws::{Proto, Wire};

pub const TOK_LISTEN: u64 = u64::MAX;

pub const TOK_INBOX: u64 = u64::MAX - 1;

impl Loop {
    pub(super) fn new(cfg: RefCfg, me: usize, inboxes: Arc<Vec<Inbox>>, lfd: RawFd) -> Loop {
        let ep = chk(
            unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) },
            "epoll_create1",
        );
        let add = |fd, tok| {
            let mut e = libc::epoll_event {
                events: libc::EPOLLIN as u32,
                u64: tok,
            };
            chk(
                unsafe { libc::epoll_ctl(ep, libc::EPOLL_CTL_ADD, fd, &mut e) },
                "epoll_ctl",
            );
        };
        add(lfd, TOK_LISTEN);
        add(inboxes[me].efd, TOK_INBOX);
        Loop {
            cfg,
            me,
            inboxes,
            ep,
            lfd,
            conns: Vec::new(),
            blocked: Vec::new(),
            free: Vec::new(),
            freed: Vec::new(),
            names: HashMap::new(),
            groups: Vec::new(),
            dirty: Vec::new(),
            frame: Vec::new(),
            body: Vec::new(),
            reply: Vec::new(),
            queued: 0,
            paused: Vec::new(),
            runnable: VecDeque::new(),
            again: Vec::new(),
            doomed: Vec::new(),
            ids: 0,
        }
    }

    pub(super) fn run(mut self) {
        let mut evs: Vec<libc::epoll_event> = vec![unsafe { std::mem::zeroed() }; 1024];
        let mut buf = vec![0u8; 64 << 10];
        loop {
            let timeout = if self.runnable.is_empty() && self.again.is_empty() {
                -1
            } else {
                0
            };
            let again = std::mem::take(&mut self.again);
            let n =
                unsafe { libc::epoll_wait(self.ep, evs.as_mut_ptr(), evs.len() as i32, timeout) };
            for e in evs.iter().take(n.max(0) as usize).copied() {
                let (events, tok) = (e.events as i32, e.u64);
                match tok {
                    TOK_LISTEN => self.accept(),
                    TOK_INBOX => self.inbox(),
                    slot => {
                        let slot = slot as u32;
                        if events & libc::EPOLLOUT != 0 && self.blocked[slot as usize] != 0 {
                            self.flush(slot);
                        }
                        if events
                            & (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR)
                            != 0
                        {
                            self.read(
                                slot,
                                &mut buf,
                                events & libc::EPOLLIN == events & !libc::EPOLLOUT,
                            );
                        }
                    }
                }
            }
            for s in again {
                self.read(s, &mut buf, false);
            }
            for _ in 0..self.runnable.len().min(256) {
                let s = self.runnable.pop_front().unwrap();
                self.stream_some(s);
            }
            if !self.paused.is_empty() && self.queued < QUEUE_LOW {
                for s in std::mem::take(&mut self.paused) {
                    if let Some(c) = &mut self.conns[s as usize] {
                        c.paused = false;
                        self.read(s, &mut buf, false);
                    }
                }
            }
            while let Some(s) = self.doomed.pop() {
                self.close(s);
            }
            self.free.append(&mut self.freed);
        }
    }

    pub(super) fn accept(&mut self) {
        for _ in 0..64 {
            let fd = unsafe {
                libc::accept4(
                    self.lfd,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
                )
            };
            if fd < 0 {
                if io::Error::last_os_error().raw_os_error() == Some(libc::EMFILE) {
                    // out of descriptors: the listener stays readable, do not spin on it
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                return;
            }
            let slot = self.free.pop().unwrap_or_else(|| {
                self.conns.push(None);
                self.blocked.push(0);
                self.conns.len() as u32 - 1
            });
            self.conns[slot as usize] = Some(Box::new(Conn {
                fd,
                inbuf: Vec::new(),
                wire: Some(Box::new(Wire::new(Proto::Json))),
                upgraded: false,
                out: VecDeque::new(),
                groups: Vec::new(),
                streams: Vec::new(),
                close_when_flushed: false,
                paused: false,
            }));
            self.blocked[slot as usize] = 0;
            let ev = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
            let mut e = libc::epoll_event {
                events: ev as u32,
                u64: slot as u64,
            };
            chk(
                unsafe { libc::epoll_ctl(self.ep, libc::EPOLL_CTL_ADD, fd, &mut e) },
                "epoll_ctl",
            );
        }
    }

    pub(super) fn inbox(&mut self) {
        let ib = &self.inboxes[self.me];
        let mut x = 0u64;
        unsafe { libc::read(ib.efd, (&mut x as *mut u64).cast(), 8) };
        let q = std::mem::take(&mut *ib.q.lock().unwrap());
        for (g, f) in q {
            if let Some(&g) = self.names.get(&g[..]) {
                if self.cfg.batch {
                    self.batch(g, &f);
                } else {
                    self.fan_out(g, &f);
                }
            }
        }
        self.flush_batches();
    }
}
