//! The calls of one connection, and their answers.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use super::{DRAIN, MEASURE};
use crate::client::{Conn, Ctl, Handler, Worker, bump, close_record};
use crate::proto::{Rec, error_text, inspect};
use crate::stats::{Hist, now_ns};
use crate::template::{Template, Vars};
use crate::ws;
use crate::ws::{Proto, Sink};

/// A connection, its calls, and the slot that may be used again.
pub type FreeSlot = (Rc<Conn>, Rc<RefCell<Calls>>, u32);

/// Of one worker.
pub struct Lane {
    pub(super) phase: Cell<u8>,
    pub(super) hist: RefCell<Hist>,
    pub(super) done: Cell<u64>,
    pub(super) errors: RefCell<BTreeMap<String, u64>>,
    pub(super) unknown: Cell<u64>,
    /// calls that may be issued, where a rate is set
    pub(super) free: RefCell<VecDeque<FreeSlot>>,
    pub(super) paced: bool,
}

/// Calls of one connection: id = slot + K x generation.
pub struct Calls {
    pub(super) i: u64,
    pub(super) k: u64,
    pub(super) sent: Vec<u64>,
    pub(super) ids: Vec<u64>,
    pub(super) outstanding: u64,
    pub(super) seq: u64,
    pub(super) tpl: Rc<Template>,
    pub(super) proto: Proto,
    pub(super) tmp: Vec<u8>,
    pub(super) out: Vec<u8>,
}

impl Calls {
    pub(super) fn issue(&mut self, slot: usize, now: u64) {
        self.ids[slot] += self.k;
        self.sent[slot] = now;
        self.seq += 1;
        self.outstanding += 1;
        self.tmp.clear();
        self.tpl.render(
            &mut self.tmp,
            &Vars {
                seq: self.seq,
                ts: now,
                i: self.i,
                id: self.ids[slot],
            },
        );
        ws::put_frame(&mut self.out, self.proto.op(), &self.tmp, ws::rand_mask());
    }
}

pub struct EchoHandler {
    pub(super) lane: Rc<Lane>,
    pub(super) calls: Rc<RefCell<Calls>>,
    pub(super) conn: Rc<Conn>,
    pub(super) w: Rc<Worker>,
    pub(super) ctl: Ctl,
    pub(super) now: u64,
}

impl Sink for EchoHandler {
    fn record(&mut self, rec: &[u8]) {
        let c = &mut *self.calls.borrow_mut();
        match inspect(c.proto, rec) {
            Rec::Completion { id, error } => {
                let slot = (id % c.k) as usize;
                if c.ids[slot] != id || c.sent[slot] == 0 {
                    self.lane.unknown.set(self.lane.unknown.get() + 1);
                    return;
                }
                let since = std::mem::take(&mut c.sent[slot]);
                c.outstanding -= 1;
                if error {
                    bump(
                        &mut self.lane.errors.borrow_mut(),
                        format!("completion error: {}", error_text(c.proto, rec)),
                    );
                }
                let phase = self.lane.phase.get();
                if phase == MEASURE {
                    self.lane
                        .hist
                        .borrow_mut()
                        .saturating_record((self.now - since).max(1));
                }
                self.lane.done.set(self.lane.done.get() + 1);
                if phase < DRAIN {
                    if self.lane.paced {
                        self.lane.free.borrow_mut().push_back((
                            self.conn.clone(),
                            self.calls.clone(),
                            slot as u32,
                        ));
                    } else {
                        c.issue(slot, self.now);
                    }
                }
            }
            Rec::Close => self.ctl.end = Some(close_record(c.proto, rec)),
            _ => {}
        }
    }
    fn ping(&mut self, p: &[u8]) {
        self.ctl.ping(p);
    }
    fn close(&mut self, code: u16, reason: &[u8]) {
        self.ctl.close(code, reason);
    }
}

impl Handler for EchoHandler {
    fn begin(&mut self) {
        self.now = now_ns();
    }
    fn end(&mut self, conn: &Conn) {
        let c = &mut *self.calls.borrow_mut();
        if !c.out.is_empty() {
            conn.send(&c.out);
            c.out.clear();
        }
        let i = self.w.idx;
        self.w.shared.progress[i]
            .0
            .store(self.lane.done.get(), Relaxed);
        self.ctl.after(conn);
    }
    fn ended(&mut self) -> Option<String> {
        self.ctl.end.take()
    }
}
