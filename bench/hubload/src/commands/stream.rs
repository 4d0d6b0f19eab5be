//! `stream`: streams from the server.

use crate::client::Handler;
use crate::ws::Sink;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{DRAIN, MEASURE, START, StreamHandler, StreamLane, follow, pause, round};
use crate::client::{
    Cfg, ConnStats, Ctl, STOP, Shared, close_all, connect_all, connect_json, launch, pump,
    wait_connected,
};
use crate::stats::{Pid, Report, counts, cpu_json, hist, hist_json, mem_json, now_ns, secs, snap};
use crate::template::Template;

pub struct StreamCfg {
    pub n: usize,
    pub streams: usize,
    pub target: String,
    pub args: String,
    pub once: bool,
    pub expect: Option<u64>,
    pub warmup: f64,
    pub duration: f64,
}

pub fn stream(
    cfg: Arc<Cfg>,
    c: StreamCfg,
    pids: Vec<Pid>,
    rep: &mut Report,
) -> Result<bool, String> {
    Template::message_for(cfg.proto, 4, true, &c.target, &c.args, 0)?;
    let shared = Shared::new(cfg.threads);
    let before = snap(&pids, true);
    let c = Arc::new(c);
    let c2 = c.clone();
    let handles = launch(&cfg, &shared, move |w| {
        let c = c2.clone();
        async move {
            let lane = Rc::new(StreamLane {
                phase: Cell::new(0),
                items: Cell::new(0),
                started: Cell::new(0),
                completed: Cell::new(0),
                wrong: Cell::new(0),
                min: Cell::new(u64::MAX),
                max: Cell::new(0),
                unknown: Cell::new(0),
                first: RefCell::new(hist()),
                whole: RefCell::new(hist()),
                errors: RefCell::default(),
            });
            let l2 = lane.clone();
            tokio::task::spawn_local(follow(w.clone(), move |p| l2.phase.set(p)));
            let (w2, lane2, c3) = (w.clone(), lane.clone(), c.clone());
            connect_all(&w, c.n, move |i, mut o| {
                let s = c3.streams;
                let mut h = StreamHandler {
                    lane: lane2.clone(),
                    w: w2.clone(),
                    c: c3.clone(),
                    i: i as u64,
                    ids: (0..s as u64).collect(),
                    sent: vec![0; s],
                    items: vec![0; s],
                    tpl: Rc::new(
                        Template::message_for(
                            w2.cfg.proto,
                            4,
                            true,
                            &c3.target,
                            &c3.args,
                            i as u64,
                        )
                        .unwrap(),
                    ),
                    tmp: vec![],
                    out: vec![],
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
                            let now = now_ns();
                            for s in 0..h.c.streams {
                                h.start(s, now);
                            }
                            h.end(&o.conn);
                            pump(&o.conn, &mut o.wire, &mut h).await
                        }
                    };
                    w3.ended(&o.conn, why);
                });
                None
            })
            .await;
            w.wait_phase(STOP).await;
            close_all(&w).await;
            (
                (
                    lane.first.replace(hist()),
                    lane.whole.replace(hist()),
                    lane.errors.take(),
                ),
                [
                    lane.started.get(),
                    lane.completed.get(),
                    lane.wrong.get(),
                    lane.min.get(),
                    lane.max.get(),
                    lane.unknown.get(),
                ],
            )
        }
    });
    wait_connected(&shared, &cfg);
    let up = shared.ready.load(Relaxed);
    eprintln!("hubload: {up} connections up");
    let mut peak = Vec::new();
    let after = snap(&pids, true);
    let (a, n0, t0);
    if c.once {
        a = snap(&pids, false);
        (n0, t0) = (0, now_ns());
        shared.set_phase(MEASURE); // MEASURE implies START
        let end = Instant::now() + secs(c.duration);
        std::thread::sleep(Duration::from_millis(2));
        // done when every stream has completed (and all have been started)
        let mut quiet = 0;
        while Instant::now() < end && quiet < 3 && up > 0 && !shared.stopping.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(2));
            quiet = if shared.last_at_all_zero() && shared.total() > 0 {
                quiet + 1
            } else {
                0
            };
        }
    } else {
        shared.set_phase(START);
        pause(c.warmup, &shared, &pids, &mut peak);
        shared.set_phase(MEASURE);
        a = snap(&pids, false);
        (n0, t0) = (shared.total(), now_ns());
        pause(c.duration, &shared, &pids, &mut peak);
    }
    let (n1, b) = (shared.total(), snap(&pids, false));
    let t1 = now_ns();
    let lost = shared.lost.load(Relaxed);
    if !c.once && !shared.stopping.load(Relaxed) {
        // let the streams that are under way end, for up to 3 s
        shared.set_phase(DRAIN);
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end && !shared.last_at_all_zero() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    shared.set_phase(STOP);
    let mut st = ConnStats::new();
    let (mut first, mut whole) = (hist(), hist());
    let mut errors = BTreeMap::new();
    let mut x = [0u64, 0, 0, u64::MAX, 0, 0];
    for h in handles {
        let (((f, wh, e), n), s) = h.join().map_err(|_| "worker panicked")?;
        let _ = first.add(&f);
        let _ = whole.add(&wh);
        for (k, v) in e {
            *errors.entry(k).or_insert(0) += v;
        }
        for i in [0, 1, 2, 5] {
            x[i] += n[i];
        }
        x[3] = x[3].min(n[3]);
        x[4] = x[4].max(n[4]);
        st.merge(s);
    }
    let items = n1 - n0;
    let el = (t1 - t0) as f64 / 1e9;
    rep.put("connect", connect_json(&shared, &st));
    if !st.failures.is_empty() {
        rep.put("failures", counts(&st.failures));
    }
    let mut j = json!({
        "connections": up, "streams_each": c.streams, "items": items, "items_per_s": (items as f64 / el).round(), "seconds": round(el),
        "started": x[0], "completed": x[1], "items_per_stream_min": if x[1] > 0 { x[3] } else { 0 }, "items_per_stream_max": x[4],
        "errors": errors.values().sum::<u64>(), "unknown_ids": x[5], "connections_lost": lost,
    });
    if c.expect.is_some() {
        j["wrong_length"] = json!(x[2]);
    }
    rep.put("streams", j);
    if !errors.is_empty() {
        rep.put("errors", counts(&errors));
    }
    if !st.ends.is_empty() {
        rep.put("ends", counts(&st.ends));
    }
    rep.put("first_item", hist_json(&first));
    rep.put("whole_stream", hist_json(&whole));
    rep.put("cpu", cpu_json(&pids, &a, &b, "items", items));
    if !pids.is_empty() {
        rep.put("memory", mem_json(&pids, &before, &after, &peak, up));
    }
    Ok(st.failures.is_empty() && lost == 0 && errors.is_empty() && x[2] == 0 && x[5] == 0)
}
