//! `churn`: connections that come and go.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{DRAIN, IdleHandler, MEASURE, START, follow, pause, round};
use crate::client::{
    Cfg, ConnStats, Ctl, Handler, STOP, Shared, bump, close_text, launch, open, pump,
    wait_connected,
};
use crate::proto::{Rec, inspect};
use crate::stats::{Pid, Report, counts, cpu_json, hist, hist_json, mem_json, now_ns, secs, snap};
use crate::ws;
use crate::ws::Sink;

pub fn churn(
    cfg: Arc<Cfg>,
    duration: f64,
    warmup: f64,
    max: u64,
    pids: Vec<Pid>,
    rep: &mut Report,
) -> Result<bool, String> {
    let shared = Shared::new(cfg.threads);
    let before = snap(&pids, true);
    let handles = launch(&cfg, &shared, move |w| async move {
        let cycle = Rc::new(RefCell::new(hist()));
        let lanes = (w.cfg.concurrency.max(1) + w.cfg.threads - 1 - w.idx) / w.cfg.threads;
        let n = Rc::new(Cell::new(0u64));
        w.shared.workers_connected.fetch_add(1, Relaxed);
        let phase = Rc::new(Cell::new(0));
        let p2 = phase.clone();
        tokio::task::spawn_local(follow(w.clone(), move |p| p2.set(p)));
        w.wait_phase(START).await;
        let mut tasks = vec![];
        for lane in 0..lanes {
            let (w, cycle, n, phase) = (w.clone(), cycle.clone(), n.clone(), phase.clone());
            tasks.push(tokio::task::spawn_local(async move {
                let mut i = lane * w.cfg.threads + w.idx;
                let share = max / w.cfg.threads as u64;
                while phase.get() < DRAIN && n.get() < share {
                    n.set(n.get() + 1);
                    let t0 = now_ns();
                    let r = open(&w.cfg, &w.cfg.urls[i % w.cfg.urls.len()], w.src_for(i)).await;
                    i += lanes;
                    match r {
                        Err(e) => {
                            w.shared.failed.fetch_add(1, Relaxed);
                            w.st.borrow_mut().fail(e);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Ok(mut o) => {
                            o.conn.send_frame(ws::OP_CLOSE, &1000u16.to_be_bytes());
                            let mut h = IdleHandler {
                                proto: w.cfg.proto,
                                ctl: Ctl::default(),
                                pings: Rc::default(),
                                other: Rc::default(),
                            };
                            // `got_close` would answer the server's close frame: ours has been sent
                            let why = tokio::time::timeout(
                                Duration::from_secs(2),
                                pump(&o.conn, &mut o.wire, &mut Closing(&mut h)),
                            )
                            .await;
                            let mut st = w.st.borrow_mut();
                            if phase.get() == MEASURE {
                                for (hh, s) in st.steps.iter_mut().zip(o.steps) {
                                    hh.saturating_record(s.max(1));
                                }
                                cycle.borrow_mut().saturating_record((now_ns() - t0).max(1));
                            }
                            let why = why
                                .unwrap_or_else(|_| "no answer to the close frame in 2 s".into());
                            bump(&mut st.ends, why);
                            st.ok += 1;
                            w.shared.progress[w.idx].add(1);
                        }
                    }
                }
            }));
        }
        for t in tasks {
            let _ = t.await;
        }
        w.shared.last[w.idx].0.store(1, Relaxed);
        cycle.replace(hist())
    });
    wait_connected(&shared, &cfg);
    let mut peak = Vec::new();
    shared.set_phase(START);
    pause(warmup, &shared, &pids, &mut peak);
    shared.set_phase(MEASURE);
    let (a, n0, t0) = (snap(&pids, false), shared.total(), now_ns());
    let end = Instant::now() + secs(duration);
    while Instant::now() < end
        && shared.last.iter().any(|x| x.get() == 0)
        && !shared.stopping.load(Relaxed)
    {
        let left = end.saturating_duration_since(Instant::now()).as_secs_f64();
        pause(left.min(0.1), &shared, &pids, &mut peak);
    }
    let (n1, b, t1) = (shared.total(), snap(&pids, false), now_ns());
    let was_stopping = shared.stopping.load(Relaxed);
    shared.set_phase(if was_stopping { STOP } else { DRAIN });
    let mut st = ConnStats::new();
    let mut cycle = hist();
    for h in handles {
        let (c, s) = h.join().map_err(|_| "worker panicked")?;
        let _ = cycle.add(&c);
        st.merge(s);
    }
    let after = snap(&pids, true);
    let n = n1 - n0;
    let el = (t1 - t0) as f64 / 1e9;
    rep.put("churn", json!({
        "connections": n, "connections_per_s": (n as f64 / el).round(), "seconds": round(el), "concurrency": cfg.concurrency,
        "failed": st.failures.values().sum::<u64>(), "whole_run": st.ok,
    }));
    if !st.failures.is_empty() {
        rep.put("failures", counts(&st.failures));
    }
    rep.put("ends", counts(&st.ends));
    rep.put("handshake", hist_json(&st.steps[3]));
    rep.put("cycle", hist_json(&cycle));
    rep.put("cpu", cpu_json(&pids, &a, &b, "connections", n));
    if !pids.is_empty() {
        rep.put("memory", mem_json(&pids, &before, &after, &peak, 0));
    }
    Ok(st.failures.is_empty())
}

/// Waits for the server's side of a close that this side began.
pub struct Closing<'a>(&'a mut IdleHandler);

impl Sink for Closing<'_> {
    fn record(&mut self, rec: &[u8]) {
        if inspect(self.0.proto, rec) != Rec::Close {
            self.0.record(rec);
        }
    }
    fn ping(&mut self, _: &[u8]) {}
    fn close(&mut self, code: u16, reason: &[u8]) {
        self.0.ctl.end = Some(close_text(code, reason));
    }
}

impl Handler for Closing<'_> {
    fn ended(&mut self) -> Option<String> {
        self.0.ctl.end.take()
    }
}
