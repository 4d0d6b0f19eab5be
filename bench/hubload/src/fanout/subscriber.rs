//! What is done with each message that a subscriber gets.

use std::cell::UnsafeCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::oneshot;

use super::{Kind, Seen};
use crate::client::{Conn, Ctl, Handler, Worker, close_record};
use crate::proto::{Marker, Rec, error_text, inspect};
use crate::publish::Marks;
use crate::stats::{Hist, now_ns};
use crate::ws::{Proto, Sink};

/// Receiver state of one worker, shared by its connections' handlers (one thread, no re-entry).
pub struct Fan {
    pub(super) seq: Marker,
    pub(super) ts: Marker,
    pub(super) hist: Hist,
    pub(super) subs: Vec<Seen>,
    pub(super) now: u64,
    pub(super) total: u64,
    pub(super) measured: u64,
    pub(super) dup: u64,
    pub(super) late: u64,
    pub(super) old: u64,
    pub(super) stale: u64,
    pub(super) unmarked: u64,
    pub(super) bytes: u64,
    pub(super) reads: u64,
    pub(super) first_measured: u64,
    pub(super) run_start: u64,
}

pub struct SubHandler {
    pub(super) fan: Rc<UnsafeCell<Fan>>,
    pub(super) idx: usize, // in fan.subs
    pub(super) w: Rc<Worker>,
    pub(super) marks: Arc<Marks>,
    pub(super) proto: Proto,
    pub(super) ctl: Ctl,
    pub(super) ready: Option<oneshot::Sender<Result<(), String>>>,
}

impl Sink for SubHandler {
    #[inline]
    fn record(&mut self, rec: &[u8]) {
        let f = unsafe { &mut *self.fan.get() };
        let Some(seq) = f.seq.find(rec) else {
            return self.other(rec);
        };
        let ts = f.ts.find(rec).unwrap_or(0);
        if ts < f.run_start {
            f.stale += 1; // of another run
            return;
        }
        f.bytes += rec.len() as u64;
        let s = &mut f.subs[self.idx];
        let kind = s.see(seq);
        if kind != Kind::Dup {
            f.total += 1;
        }
        if seq >= f.first_measured {
            match kind {
                Kind::New => {}
                Kind::Late => {
                    s.late += 1;
                    f.late += 1;
                }
                Kind::Old => {
                    s.late += 1;
                    f.old += 1;
                }
                Kind::Dup => {
                    s.dup += 1;
                    f.dup += 1;
                    return;
                }
            }
            s.got += 1;
            f.measured += 1;
            f.hist.saturating_record(f.now.saturating_sub(ts).max(1));
        }
    }
    fn ping(&mut self, p: &[u8]) {
        self.ctl.ping(p);
    }
    fn close(&mut self, code: u16, reason: &[u8]) {
        self.ctl.close(code, reason);
    }
}

impl SubHandler {
    #[cold]
    pub(super) fn other(&mut self, rec: &[u8]) {
        match inspect(self.proto, rec) {
            Rec::Completion { error, .. } => {
                if let Some(tx) = self.ready.take() {
                    let _ = tx.send(if error {
                        Err(error_text(self.proto, rec))
                    } else {
                        Ok(())
                    });
                }
            }
            Rec::Close => self.ctl.end = Some(close_record(self.proto, rec)),
            Rec::Invocation => unsafe { (*self.fan.get()).unmarked += 1 },
            _ => {}
        }
    }
}

impl Handler for SubHandler {
    #[inline]
    fn begin(&mut self) {
        let f = unsafe { &mut *self.fan.get() };
        f.now = now_ns();
        f.reads += 1;
        f.first_measured = self.marks.first_measured.load(Relaxed);
        f.run_start = self.marks.run_start.load(Relaxed);
    }
    #[inline]
    fn end(&mut self, conn: &Conn) {
        let f = unsafe { &mut *self.fan.get() };
        let i = self.w.idx;
        self.w.shared.progress[i].0.store(f.total, Relaxed);
        if f.measured != self.marks.measured[i].get() {
            self.w.shared.last[i].0.store(f.now, Relaxed);
            self.marks.measured[i].0.store(f.measured, Relaxed);
        }
        self.ctl.after(conn);
    }
    #[inline]
    fn ended(&mut self) -> Option<String> {
        self.ctl.end.take()
    }
}
