//! The streams of one connection, and their items.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{DRAIN, MEASURE, StreamCfg};
use crate::client::{Conn, Ctl, Handler, Worker, bump, close_record};
use crate::proto::{Rec, error_text, inspect};
use crate::stats::{Hist, now_ns};
use crate::template::{Template, Vars};
use crate::ws;
use crate::ws::Sink;

pub struct StreamLane {
    pub(super) phase: Cell<u8>,
    pub(super) items: Cell<u64>,
    pub(super) started: Cell<u64>,
    pub(super) completed: Cell<u64>,
    pub(super) wrong: Cell<u64>,
    pub(super) min: Cell<u64>,
    pub(super) max: Cell<u64>,
    pub(super) unknown: Cell<u64>,
    pub(super) first: RefCell<Hist>,
    pub(super) whole: RefCell<Hist>,
    pub(super) errors: RefCell<BTreeMap<String, u64>>,
}

pub struct StreamHandler {
    pub(super) lane: Rc<StreamLane>,
    pub(super) w: Rc<Worker>,
    pub(super) c: Arc<StreamCfg>,
    pub(super) i: u64,
    pub(super) ids: Vec<u64>,
    pub(super) sent: Vec<u64>,
    pub(super) items: Vec<u64>,
    pub(super) tpl: Rc<Template>,
    pub(super) tmp: Vec<u8>,
    pub(super) out: Vec<u8>,
    pub(super) ctl: Ctl,
    pub(super) now: u64,
}

impl StreamHandler {
    pub(super) fn start(&mut self, slot: usize, now: u64) {
        self.ids[slot] += self.c.streams as u64;
        self.sent[slot] = now;
        self.items[slot] = 0;
        self.lane.started.set(self.lane.started.get() + 1);
        self.tmp.clear();
        self.tpl.render(
            &mut self.tmp,
            &Vars {
                seq: self.ids[slot],
                ts: now,
                i: self.i,
                id: self.ids[slot],
            },
        );
        ws::put_frame(
            &mut self.out,
            self.w.cfg.proto.op(),
            &self.tmp,
            ws::rand_mask(),
        );
    }
}

impl Sink for StreamHandler {
    #[inline]
    fn record(&mut self, rec: &[u8]) {
        let proto = self.w.cfg.proto;
        let l = &self.lane;
        let r = inspect(proto, rec);
        match r {
            Rec::Item { id } | Rec::Completion { id, .. } => {
                let slot = (id % self.c.streams as u64) as usize;
                if self.ids[slot] != id || self.sent[slot] == 0 {
                    l.unknown.set(l.unknown.get() + 1);
                    return;
                }
                if let Rec::Completion { error, .. } = r {
                    let n = self.items[slot];
                    if error {
                        bump(
                            &mut l.errors.borrow_mut(),
                            format!("completion error: {}", error_text(proto, rec)),
                        );
                    }
                    l.completed.set(l.completed.get() + 1);
                    l.min.set(l.min.get().min(n));
                    l.max.set(l.max.get().max(n));
                    if self.c.expect.is_some_and(|e| e != n) {
                        l.wrong.set(l.wrong.get() + 1);
                    }
                    if l.phase.get() == MEASURE {
                        l.whole
                            .borrow_mut()
                            .saturating_record((self.now - self.sent[slot]).max(1));
                    }
                    self.sent[slot] = 0;
                    if !self.c.once && l.phase.get() < DRAIN {
                        self.start(slot, self.now);
                    }
                } else {
                    l.items.set(l.items.get() + 1);
                    self.items[slot] += 1;
                    if self.items[slot] == 1 && l.phase.get() == MEASURE {
                        l.first
                            .borrow_mut()
                            .saturating_record((self.now - self.sent[slot]).max(1));
                    }
                }
            }
            Rec::Close => self.ctl.end = Some(close_record(proto, rec)),
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

impl Handler for StreamHandler {
    fn begin(&mut self) {
        self.now = now_ns();
    }
    fn end(&mut self, conn: &Conn) {
        if !self.out.is_empty() {
            conn.send(&self.out);
            self.out.clear();
        }
        let s = &self.w.shared;
        s.progress[self.w.idx]
            .0
            .store(self.lane.items.get(), Relaxed);
        s.last[self.w.idx]
            .0
            .store(self.lane.started.get() - self.lane.completed.get(), Relaxed);
        self.ctl.after(conn);
    }
    fn ended(&mut self) -> Option<String> {
        self.ctl.end.take()
    }
}
