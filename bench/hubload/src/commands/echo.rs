//! `echo`: calls and their answers.

use crate::client::Handler;
use crate::ws::Sink;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Calls, DRAIN, EchoHandler, Lane, MEASURE, START, follow, pause, round};
use crate::client::{
    Cfg, ConnStats, Ctl, STOP, Shared, close_all, connect_all, connect_json, launch, pump,
    wait_connected,
};
use crate::stats::{Pid, Report, counts, cpu_json, hist, hist_json, mem_json, now_ns, snap};
use crate::template::Template;

pub struct EchoCfg {
    pub n: usize,
    pub inflight: usize,
    pub target: String,
    pub args: String,
    pub rate: f64,
    pub warmup: f64,
    pub duration: f64,
}

pub fn echo(cfg: Arc<Cfg>, c: EchoCfg, pids: Vec<Pid>, rep: &mut Report) -> Result<bool, String> {
    Template::message_for(cfg.proto, 1, true, &c.target, &c.args, 0)?;
    let shared = Shared::new(cfg.threads);
    let before = snap(&pids, true);
    let c = Arc::new(c);
    let c2 = c.clone();
    let handles = launch(&cfg, &shared, move |w| {
        let c = c2.clone();
        async move {
            let lane = Rc::new(Lane {
                phase: Cell::new(0),
                hist: RefCell::new(hist()),
                done: Cell::new(0),
                errors: RefCell::default(),
                unknown: Cell::new(0),
                free: RefCell::default(),
                paced: c.rate > 0.0,
            });
            let all: Rc<RefCell<Vec<Rc<RefCell<Calls>>>>> = Rc::default();
            let l2 = lane.clone();
            tokio::task::spawn_local(follow(w.clone(), move |p| l2.phase.set(p)));
            let shared_tpl = Rc::new(
                Template::message_for(w.cfg.proto, 1, true, &c.target, &c.args, 0).unwrap(),
            );
            let per_conn = Template::per_connection(&c.args);
            let (w2, lane2, all2, c3) = (w.clone(), lane.clone(), all.clone(), c.clone());
            connect_all(&w, c.n, move |i, mut o| {
                let proto = w2.cfg.proto;
                let tpl = if per_conn {
                    Rc::new(
                        Template::message_for(proto, 1, true, &c3.target, &c3.args, i as u64)
                            .unwrap(),
                    )
                } else {
                    shared_tpl.clone()
                };
                let k = c3.inflight;
                let calls = Rc::new(RefCell::new(Calls {
                    i: i as u64,
                    k: k as u64,
                    sent: vec![0; k],
                    ids: (0..k as u64).collect(),
                    outstanding: 0,
                    seq: 0,
                    tpl,
                    proto,
                    tmp: vec![],
                    out: vec![],
                }));
                all2.borrow_mut().push(calls.clone());
                let mut h = EchoHandler {
                    lane: lane2.clone(),
                    calls,
                    conn: o.conn.clone(),
                    w: w2.clone(),
                    ctl: Ctl::default(),
                    now: 0,
                };
                let w3 = w2.clone();
                tokio::task::spawn_local(async move {
                    for r in o.extra.drain(..) {
                        h.record(&r);
                    }
                    let early = tokio::select! {
                        why = pump(&o.conn, &mut o.wire, &mut h) => Some(why),
                        _ = w3.wait_phase(START) => None,
                    };
                    let why = match early {
                        Some(w) => w,
                        None => {
                            let k = h.calls.borrow().k as usize;
                            if h.lane.paced {
                                let mut f = h.lane.free.borrow_mut();
                                f.extend(
                                    (0..k).map(|s| (h.conn.clone(), h.calls.clone(), s as u32)),
                                );
                            } else {
                                let now = now_ns();
                                for s in 0..k {
                                    h.calls.borrow_mut().issue(s, now);
                                }
                                h.end(&o.conn);
                            }
                            pump(&o.conn, &mut o.wire, &mut h).await
                        }
                    };
                    w3.ended(&o.conn, why);
                });
                None
            })
            .await;
            let mut lag = hist();
            if lane.paced {
                w.wait_phase(START).await;
                tokio::task::yield_now().await;
                let gap = 1e9 * w.cfg.threads as f64 / c.rate;
                let t0 = now_ns();
                let mut n = 0u64;
                while lane.phase.get() < DRAIN {
                    let now = now_ns();
                    while t0 + (gap * n as f64) as u64 <= now {
                        let Some((conn, calls, slot)) = lane.free.borrow_mut().pop_front() else {
                            break;
                        };
                        if conn.dead.get() {
                            continue;
                        }
                        let at = now_ns();
                        lag.saturating_record((at - (t0 + (gap * n as f64) as u64)).max(1));
                        n += 1;
                        let c = &mut *calls.borrow_mut();
                        c.issue(slot as usize, at);
                        conn.send_outside(&c.out);
                        c.out.clear();
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            w.wait_phase(DRAIN).await;
            // what is still out gets 5 s
            let end = now_ns() + 5_000_000_000;
            let left = || {
                all.borrow()
                    .iter()
                    .map(|c| c.borrow().outstanding)
                    .sum::<u64>()
            };
            while now_ns() < end && left() > 0 && lane.phase.get() < STOP {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let unanswered = left();
            w.shared.last[w.idx].0.store(1, Relaxed); // drained
            w.wait_phase(STOP).await;
            close_all(&w).await;
            let (h, e) = (lane.hist.replace(hist()), lane.errors.take());
            (h, e, lane.unknown.get(), unanswered, lag)
        }
    });
    wait_connected(&shared, &cfg);
    let mut peak = Vec::new();
    let up = shared.ready.load(Relaxed);
    eprintln!("hubload: {up} connections up");
    let after = snap(&pids, true);
    shared.set_phase(START);
    pause(c.warmup, &shared, &pids, &mut peak);
    shared.set_phase(MEASURE);
    let (a, n0) = (snap(&pids, false), shared.total());
    let t0 = now_ns();
    pause(c.duration, &shared, &pids, &mut peak);
    let (n1, b) = (shared.total(), snap(&pids, false));
    let t1 = now_ns();
    let lost = shared.lost.load(Relaxed);
    if !shared.stopping.load(Relaxed) {
        shared.set_phase(DRAIN);
        let end = Instant::now() + Duration::from_secs(6);
        while Instant::now() < end && shared.last.iter().any(|x| x.get() == 0) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    shared.set_phase(STOP);
    let mut st = ConnStats::new();
    let (mut rtt, mut lag) = (hist(), hist());
    let mut errors = BTreeMap::new();
    let (mut unknown, mut unanswered) = (0, 0);
    for h in handles {
        let ((r, e, u, un, l), s) = h.join().map_err(|_| "worker panicked")?;
        let _ = rtt.add(&r);
        let _ = lag.add(&l);
        for (k, v) in e {
            *errors.entry(k).or_insert(0) += v;
        }
        unknown += u;
        unanswered += un;
        st.merge(s);
    }
    let calls = n1 - n0;
    let el = (t1 - t0) as f64 / 1e9;
    rep.put("connect", connect_json(&shared, &st));
    if !st.failures.is_empty() {
        rep.put("failures", counts(&st.failures));
    }
    rep.put("calls", json!({
        "connections": up, "inflight_each": c.inflight, "calls": calls, "calls_per_s": (calls as f64 / el).round(), "seconds": round(el),
        "errors": errors.values().sum::<u64>(), "unanswered": unanswered, "unknown_completions": unknown, "connections_lost": lost,
    }));
    if !errors.is_empty() {
        rep.put("errors", counts(&errors));
    }
    if !st.ends.is_empty() {
        rep.put("ends", counts(&st.ends));
    }
    rep.put("rtt", hist_json(&rtt));
    if c.rate > 0.0 {
        rep.put("issue_lag", hist_json(&lag));
    }
    rep.put("cpu", cpu_json(&pids, &a, &b, "calls", calls));
    if !pids.is_empty() {
        rep.put("memory", mem_json(&pids, &before, &after, &peak, up));
    }
    Ok(st.failures.is_empty() && lost == 0 && errors.is_empty() && unanswered == 0 && unknown == 0)
}
