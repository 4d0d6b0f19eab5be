//! When a message may be sent, and when all have arrived.

use std::sync::atomic::Ordering::Relaxed;

use super::{Link, PubCfg};
use crate::client::Shared;
use crate::stats::{Hist, now_ns};
use crate::template::Vars;

pub struct Run<'a> {
    pub(super) p: &'a PubCfg,
    pub(super) shared: &'a Shared,
    pub(super) link: Box<dyn Link>,
    pub(super) seq: u64,
    pub(super) given_up: u64,
    pub(super) stalls: u64,
    pub(super) last_total: u64,
    pub(super) last_progress: u64,
    pub(super) lag: Option<Hist>,
    pub(super) not_sent: u64,
    pub(super) fds: Vec<libc::pollfd>,
    pub(super) buf: Vec<u8>,
}

impl Run<'_> {
    pub(super) fn window_open(&mut self, now: u64) -> bool {
        if self.p.window == 0 {
            return true;
        }
        let total = self.shared.total();
        if total != self.last_total {
            self.last_total = total;
            self.last_progress = now;
        }
        let due = (self.seq * self.p.per_message).saturating_sub(total + self.given_up);
        if due < self.p.window * self.p.per_message {
            self.last_progress = self.last_progress.max(now.saturating_sub(1_900_000_000));
            return true;
        }
        if now - self.last_progress > 2_000_000_000 {
            // nothing has come for 2 s: what is missing is lost; go on
            self.given_up += due;
            self.stalls += 1;
            self.last_progress = now;
            return true;
        }
        false
    }

    pub(super) fn wait(&mut self, ns: u64) -> Result<(), String> {
        self.link.tick();
        self.link.flush()?;
        self.fds.clear();
        self.link.pollfds(&mut self.fds);
        let ts = libc::timespec {
            tv_sec: (ns / 1_000_000_000) as i64,
            tv_nsec: (ns % 1_000_000_000) as i64,
        };
        let n = unsafe {
            libc::ppoll(
                self.fds.as_mut_ptr(),
                self.fds.len() as u64,
                &ts,
                std::ptr::null(),
            )
        };
        if n > 0 {
            for i in 0..self.fds.len() {
                if self.fds[i].revents & !libc::POLLOUT != 0 {
                    let mut buf = std::mem::take(&mut self.buf);
                    let r = self.link.readable(i, &mut buf);
                    self.buf = buf;
                    r?;
                }
            }
        }
        Ok(())
    }

    /// Publishes for `dur` seconds.
    pub(super) fn drive(&mut self, dur: f64) -> Result<(), String> {
        let t0 = now_ns();
        let end = t0 + (dur * 1e9) as u64;
        let gap = self.p.rate.map(|r| 1e9 / r);
        let mut k = 0u64; // messages of this phase
        let sched = |k: u64| t0 + (gap.unwrap_or(0.0) * k as f64) as u64;
        self.last_progress = t0;
        loop {
            let now = now_ns();
            if now >= end || self.shared.stopping.load(Relaxed) || self.seq >= self.p.max_messages {
                if let Some(gap) = gap
                    && self.seq < self.p.max_messages
                {
                    let due = ((now.min(end) - t0) as f64 / gap) as u64;
                    self.not_sent += due.saturating_sub(k);
                }
                return Ok(());
            }
            let mut sleep = 50_000_000;
            let mut burst = 0;
            loop {
                if !self.link.room() {
                    break;
                }
                if !self.window_open(now) {
                    sleep = 200_000;
                    break;
                }
                let at = sched(k);
                if gap.is_some() && at > now {
                    sleep = at - now;
                    break;
                }
                if burst == 256 || self.seq >= self.p.max_messages {
                    sleep = 0;
                    break;
                }
                self.seq += 1;
                k += 1;
                burst += 1;
                let ts = now_ns();
                let planned = if gap.is_some() { at } else { ts };
                if let Some(l) = &mut self.lag {
                    l.saturating_record((ts - planned).max(1));
                }
                self.link.push(Vars {
                    seq: self.seq,
                    ts: if self.p.ts_intended { planned } else { ts },
                    i: self.seq,
                    id: 0,
                });
            }
            self.wait(sleep.min(end.saturating_sub(now)))?;
        }
    }

    /// Waits until `done` says so and all acks are in, or `limit` seconds have passed.
    pub(super) fn settle(
        &mut self,
        limit: f64,
        done: impl Fn(u64) -> bool,
    ) -> Result<bool, String> {
        let end = now_ns() + (limit * 1e9) as u64;
        loop {
            if done(self.seq) && self.link.outstanding() == 0 {
                return Ok(true);
            }
            let now = now_ns();
            if now >= end {
                return Ok(false);
            }
            self.wait(1_000_000)?;
        }
    }
}
