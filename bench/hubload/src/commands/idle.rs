//! `idle`: connections that do nothing.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::json;

use super::pause;
use crate::client::{
    Cfg, Conn, ConnStats, Ctl, Handler, STOP, Shared, close_all, close_record, connect_all,
    connect_json, launch, pump, wait_connected,
};
use crate::proto::{Rec, inspect};
use crate::stats::{Pid, Report, counts, cpu_json, mem_json, snap, tcp_mem};
use crate::ws::{Proto, Sink};

pub struct IdleHandler {
    pub(super) proto: Proto,
    pub(super) ctl: Ctl,
    pub(super) pings: Rc<Cell<u64>>,
    pub(super) other: Rc<Cell<u64>>,
}

impl Sink for IdleHandler {
    fn record(&mut self, rec: &[u8]) {
        match inspect(self.proto, rec) {
            Rec::Ping => self.pings.set(self.pings.get() + 1),
            Rec::Close => self.ctl.end = Some(close_record(self.proto, rec)),
            _ => self.other.set(self.other.get() + 1),
        }
    }
    fn ping(&mut self, p: &[u8]) {
        self.pings.set(self.pings.get() + 1);
        self.ctl.ping(p);
    }
    fn close(&mut self, code: u16, reason: &[u8]) {
        self.ctl.close(code, reason);
    }
}

impl Handler for IdleHandler {
    fn end(&mut self, conn: &Conn) {
        self.ctl.after(conn);
    }
    fn ended(&mut self) -> Option<String> {
        self.ctl.end.take()
    }
}

pub fn idle(
    cfg: Arc<Cfg>,
    n: usize,
    hold: f64,
    settle: f64,
    pids: Vec<Pid>,
    rep: &mut Report,
) -> Result<bool, String> {
    let shared = Shared::new(cfg.threads);
    let mut peak = Vec::new();
    let before = snap(&pids, true);
    let tcp0 = tcp_mem();
    let handles = launch(&cfg, &shared, move |w| async move {
        let (pings, other) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (w2, p2, o2) = (w.clone(), pings.clone(), other.clone());
        connect_all(&w, n, move |_, mut o| {
            let mut h = IdleHandler {
                proto: w2.cfg.proto,
                ctl: Ctl::default(),
                pings: p2.clone(),
                other: o2.clone(),
            };
            let w3 = w2.clone();
            tokio::task::spawn_local(async move {
                for r in o.extra.drain(..) {
                    h.record(&r);
                }
                let why = pump(&o.conn, &mut o.wire, &mut h).await;
                w3.ended(&o.conn, why);
            });
            None
        })
        .await;
        w.wait_phase(STOP).await;
        close_all(&w).await;
        (pings.get(), other.get())
    });
    wait_connected(&shared, &cfg);
    let connected = snap(&pids, false);
    let up = shared.ready.load(Relaxed);
    eprintln!(
        "hubload: {up} connections up, {} failed; holding {hold} s",
        shared.failed.load(Relaxed)
    );
    pause(settle.min(hold), &shared, &pids, &mut peak);
    let h0 = snap(&pids, true);
    pause((hold - settle).max(0.0), &shared, &pids, &mut peak);
    let h1 = snap(&pids, true);
    let tcp1 = tcp_mem();
    let still = up.saturating_sub(shared.lost.load(Relaxed));
    shared.set_phase(STOP);
    let mut st = ConnStats::new();
    let (mut pings, mut other) = (0, 0);
    for h in handles {
        let ((p, o), s) = h.join().map_err(|_| "worker panicked")?;
        pings += p;
        other += o;
        st.merge(s);
    }
    rep.put("connect", connect_json(&shared, &st));
    if !st.failures.is_empty() {
        rep.put("failures", counts(&st.failures));
    }
    if !st.ends.is_empty() {
        rep.put("ends", counts(&st.ends));
    }
    rep.put("held", json!({ "up": up, "at_the_end": still, "server_pings": pings, "other_records": other, "hold_s": hold }));
    rep.put(
        "cpu_connect",
        cpu_json(&pids, &before, &connected, "connections", up),
    );
    rep.put("cpu_hold", cpu_json(&pids, &h0, &h1, "connections", 0));
    if let (Some(a), Some(b)) = (tcp0, tcp1) {
        rep.put("kernel", json!({ "tcp_mem_before": a.0, "tcp_mem_after": b.0, "sockets_before": a.1, "sockets_after": b.1 }));
    }
    if !pids.is_empty() {
        rep.put("memory", mem_json(&pids, &before, &h1, &peak, still));
    }
    Ok(st.failures.is_empty() && still == up)
}
