//! The subscribers of one worker.

use crate::client::Handler;
use crate::ws::Sink;
use std::cell::UnsafeCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Fan, FanCfg, Seen, SubHandler};
use crate::client::{Ctl, STOP, Worker, close_all, connect_all, pump};
use crate::proto::Marker;
use crate::publish::Marks;
use crate::stats::{Hist, hist};
use crate::template::{Template, Vars};

pub struct FanResult {
    pub(super) hist: Hist,
    pub(super) measured: u64,
    pub(super) dup: u64,
    pub(super) late: u64,
    pub(super) old: u64,
    pub(super) stale: u64,
    pub(super) unmarked: u64,
    pub(super) bytes: u64,
    pub(super) reads: u64,
    pub(super) subs: Vec<Seen>,
}

impl Default for FanResult {
    fn default() -> Self {
        FanResult {
            hist: hist(),
            measured: 0,
            dup: 0,
            late: 0,
            old: 0,
            stale: 0,
            unmarked: 0,
            bytes: 0,
            reads: 0,
            subs: Vec::new(),
        }
    }
}

impl FanResult {
    pub(super) fn merge(&mut self, o: FanResult) {
        let _ = self.hist.add(&o.hist);
        self.measured += o.measured;
        self.dup += o.dup;
        self.late += o.late;
        self.old += o.old;
        self.stale += o.stale;
        self.unmarked += o.unmarked;
        self.bytes += o.bytes;
        self.reads += o.reads;
        self.subs.extend(o.subs);
    }
}

pub async fn worker(w: Rc<Worker>, c: Arc<FanCfg>, marks: Arc<Marks>) -> FanResult {
    let proto = w.cfg.proto;
    let share = (c.subscribers + w.cfg.threads - 1 - w.idx) / w.cfg.threads;
    let fan = Rc::new(UnsafeCell::new(Fan {
        seq: Marker::new(&c.seq_key, proto),
        ts: Marker::new(&c.ts_key, proto),
        hist: hist(),
        subs: vec![Seen::default(); share],
        now: 0,
        total: 0,
        measured: 0,
        dup: 0,
        late: 0,
        old: 0,
        stale: 0,
        unmarked: 0,
        bytes: 0,
        reads: 0,
        first_measured: u64::MAX,
        run_start: u64::MAX,
    }));
    {
        let (w2, fan) = (w.clone(), fan.clone());
        let c = c.clone();
        connect_all(&w, c.subscribers, move |i, mut o| {
            let mut h = SubHandler {
                fan: fan.clone(),
                idx: i / w2.cfg.threads,
                w: w2.clone(),
                marks: marks.clone(),
                proto,
                ctl: Ctl::default(),
                ready: None,
            };
            let mut rx = None;
            if let Some(target) = &c.subscribe {
                let (tx, r) = oneshot::channel();
                h.ready = Some(tx);
                rx = Some(r);
                let mut b = Vec::new();
                match Template::message_for(proto, 1, true, target, &c.subscribe_args, i as u64) {
                    Ok(t) => t.render(&mut b, &Vars::default()),
                    Err(e) => drop(h.ready.take().unwrap().send(Err(e))),
                }
                o.conn.send_frame(proto.op(), &b);
            }
            let w3 = w2.clone();
            tokio::task::spawn_local(async move {
                h.begin();
                for r in o.extra.drain(..) {
                    h.record(&r);
                }
                let why = pump(&o.conn, &mut o.wire, &mut h).await;
                let was_ready = h.ready.is_none();
                if let Some(tx) = h.ready.take() {
                    let _ = tx.send(Err(why.clone()));
                }
                if was_ready {
                    w3.ended(&o.conn, why);
                }
            });
            rx
        })
        .await;
    }
    w.wait_phase(STOP).await;
    close_all(&w).await;
    let f = unsafe { &mut *fan.get() };
    FanResult {
        hist: std::mem::replace(&mut f.hist, hist()),
        measured: f.measured,
        dup: f.dup,
        late: f.late,
        old: f.old,
        stale: f.stale,
        unmarked: f.unmarked,
        bytes: f.bytes,
        reads: f.reads,
        subs: std::mem::take(&mut f.subs),
    }
}
