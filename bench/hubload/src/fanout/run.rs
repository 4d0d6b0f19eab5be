//! `fanout`: subscribers up, publisher on, everything drained, and the report.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::json;

use super::{Deliveries, FanResult, publisher_json, worker};
use crate::client::{Cfg, ConnStats, Padded, STOP, Shared, connect_json, launch, wait_connected};

use crate::publish::{self, Marks, PubCfg, PubResult};
use crate::stats::{Pid, Report, counts, cpu_json, hist_json, mem_json, secs, snap, track_peak};
use crate::template::Template;

#[derive(Clone)]
pub struct FanCfg {
    pub subscribers: usize,
    pub subscribe: Option<String>,
    pub subscribe_args: String,
    pub seq_key: String,
    pub ts_key: String,
    pub settle: f64,
}

pub fn run(
    cfg: Arc<Cfg>,
    c: FanCfg,
    mut p: PubCfg,
    pids: Vec<Pid>,
    expect: Option<u64>,
    rep: &mut Report,
) -> Result<bool, String> {
    publish::check(&p, cfg.proto)?;
    if let Some(t) = &c.subscribe {
        Template::message_for(cfg.proto, 1, true, t, &c.subscribe_args, 0)?;
    }
    let shared = Shared::new(cfg.threads);
    let marks = Arc::new(Marks {
        first_measured: u64::MAX.into(),
        run_start: u64::MAX.into(),
        measured: (0..cfg.threads).map(|_| Padded::default()).collect(),
    });
    let before = snap(&pids, true);
    let (fc, m2) = (Arc::new(c.clone()), marks.clone());
    let handles = launch(&cfg, &shared, move |w| worker(w, fc.clone(), m2.clone()));
    wait_connected(&shared, &cfg);
    let up = shared.ready.load(Relaxed) - shared.lost.load(Relaxed);
    std::thread::sleep(secs(c.settle));
    let after = snap(&pids, true);
    let mut peak = Vec::new();
    let result = if up == 0 {
        Err("no subscriber is up".to_string())
    } else {
        p.per_message = expect.unwrap_or(up);
        eprintln!("hubload: {up} subscribers up, publishing");
        publish_and_watch(&p, (&cfg, &shared, &marks), &pids, &mut peak)?
    };
    let lost_conns = shared.lost.load(Relaxed);
    shared.set_phase(STOP);
    let mut st = ConnStats::new();
    let mut got = FanResult::default();
    for h in handles {
        let (r, s) = h.join().map_err(|_| "worker panicked")?;
        st.merge(s);
        got.merge(r);
    }
    rep.put("connect", connect_json(&shared, &st));
    if !st.failures.is_empty() {
        rep.put("failures", counts(&st.failures));
    }
    let r = match result {
        Ok(r) => r,
        Err(e) => {
            rep.put("error", json!(e));
            return Ok(false);
        }
    };
    rep.put("publisher", publisher_json(&p, &r));
    if !r.errors.is_empty() {
        rep.put("publish_errors", counts(&r.errors));
    }
    let view = Deliveries {
        up,
        per_message: p.per_message,
        every_message_to_all: expect.is_none(),
        connections_lost: lost_conns,
    };
    rep.put("deliveries", view.json(&shared, &r, &got));
    if !st.ends.is_empty() {
        rep.put("ends", counts(&st.ends));
    }
    rep.put("latency", hist_json(&got.hist));
    if r.ack_count > 0 {
        rep.put("ack_latency", hist_json(&r.acks));
    }
    if p.rate.is_some() {
        rep.put("publisher_lag", hist_json(&r.lag));
    }
    rep.put(
        "cpu",
        cpu_json(&pids, &r.a, &r.b, "deliveries", got.measured),
    );
    if !pids.is_empty() {
        let end = snap(&pids, true);
        for (i, x) in end.procs.iter().enumerate() {
            peak.resize(pids.len(), 0);
            peak[i] = peak[i].max(x.rss);
        }
        rep.put("memory", mem_json(&pids, &before, &after, &peak, up));
    }
    let ok = got.measured >= r.published * p.per_message
        && got.dup == 0
        && st.failures.is_empty()
        && lost_conns == 0
        && r.errors.is_empty()
        && r.aborted.is_none();
    Ok(ok)
}

/// Runs the publisher on a thread of its own, with an eye on the servers' memory.
fn publish_and_watch(
    p: &PubCfg,
    (cfg, shared, marks): (&Arc<Cfg>, &Arc<Shared>, &Arc<Marks>),
    pids: &[Pid],
    peak: &mut Vec<u64>,
) -> Result<Result<PubResult, String>, String> {
    std::thread::scope(|scope| {
        let publisher = std::thread::Builder::new()
            .name("publisher".into())
            .spawn_scoped(scope, || publish::run(p, cfg, shared, marks, pids))
            .map_err(|e| e.to_string())?;
        let mut n = 0;
        while !publisher.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
            if n % 25 == 0 {
                track_peak(pids, peak);
            }
            n += 1;
        }
        publisher.join().map_err(|_| "publisher panicked".into())
    })
}
