//! `fanout`: subscribers up, publisher on, everything drained, and the report.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::json;

use super::worker;
use crate::client::{Cfg, ConnStats, Padded, STOP, Shared, connect_json, launch, wait_connected};
use crate::publish;
use crate::publish::{Marks, PubCfg};
use crate::stats::{
    Pid, Report, counts, cpu_json, hist, hist_json, mem_json, secs, snap, track_peak,
};
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
        let (cfg2, sh2, mk2, pids2) = (cfg.clone(), shared.clone(), marks.clone(), pids.clone());
        let h = std::thread::Builder::new()
            .name("publisher".into())
            .spawn(move || {
                let r = publish::run(&p, &cfg2, &sh2, &mk2, &pids2);
                (r, p)
            })
            .unwrap();
        let mut n = 0;
        while !h.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(20));
            if n % 25 == 0 {
                track_peak(&pids, &mut peak);
            }
            n += 1;
        }
        let (r, p2) = h.join().map_err(|_| "publisher panicked")?;
        p = p2;
        r
    };
    let lost_conns = shared.lost.load(Relaxed);
    shared.set_phase(STOP);
    let mut st = ConnStats::new();
    let mut all = hist();
    let (mut measured, mut dup, mut late, mut old, mut stale, mut unmarked, mut bytes, mut reads) =
        (0, 0, 0, 0, 0, 0, 0u64, 0u64);
    let mut subs = Vec::new();
    for h in handles {
        let (r, s) = h.join().map_err(|_| "worker panicked")?;
        st.merge(s);
        let _ = all.add(&r.hist);
        measured += r.measured;
        dup += r.dup;
        late += r.late;
        old += r.old;
        stale += r.stale;
        unmarked += r.unmarked;
        bytes += r.bytes;
        reads += r.reads;
        subs.extend(r.subs);
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
    let expected = r.published * p.per_message;
    let end = shared.last_at().max(r.first_at + 1);
    let elapsed = (end - r.first_at) as f64 / 1e9;
    let round = |x: f64| (x * 1000.0).round() / 1000.0;
    let mut pj = json!({
        "published": r.published,
        "rate_per_s": round(r.published as f64 / r.publish_s.max(1e-9)),
        "publish_s": round(r.publish_s),
        "warmup_published": r.published_warmup,
        "warmup_lost": r.warmup_lost,
        "acks": r.ack_count,
        "errors": r.errors.values().sum::<u64>(),
    });
    if p.rate.is_some() {
        pj["not_sent_in_time"] = json!(r.not_sent);
    }
    if p.window > 0 {
        pj["window"] = json!(p.window);
        pj["stalls"] = json!(r.stalls);
    }
    if let Some((a, b)) = r.redis_receivers {
        pj["redis_receivers_min"] = json!(a);
        pj["redis_receivers_max"] = json!(b);
    }
    if let Some(a) = &r.aborted {
        pj["aborted"] = json!(a);
    }
    rep.put("publisher", pj);
    if !r.errors.is_empty() {
        rep.put("publish_errors", counts(&r.errors));
    }
    let n = up as usize;
    let mut lossy = 0u64;
    let mut worst = 0u64;
    if expect.is_none() {
        for s in subs.iter().filter(|s| s.max > 0 || measured == 0) {
            let l = r.published.saturating_sub(s.got);
            lossy += (l > 0) as u64;
            worst = worst.max(l);
        }
        // subscribers that never got anything
        let silent =
            n.saturating_sub(subs.iter().filter(|s| s.max > 0 || measured == 0).count()) as u64;
        if silent > 0 && r.published > 0 {
            lossy += silent;
            worst = r.published;
        }
    }
    let lost = expected.saturating_sub(measured);
    let mut dj = json!({
        "subscribers": up,
        "expected": expected,
        "delivered": measured,
        "lost": lost,
        "duplicated": dup,
        "out_of_order": late + old,
        "deliveries_per_s": (measured as f64 / elapsed).round(),
        "elapsed_s": round(elapsed),
        "drain_s": round(r.drain_s),
        "drained": r.drained,
        "subscribers_with_loss": lossy,
        "worst_subscriber_lost": worst,
        "connections_lost": lost_conns,
        "record_bytes": if measured > 0 { (bytes as f64 / shared.total().max(1) as f64).round() } else { 0.0 },
        "reads_per_delivery": round(reads as f64 / shared.total().max(1) as f64),
    });
    for (k, v) in [
        ("too_old_to_judge", old),
        ("stale", stale),
        ("unmarked_invocations", unmarked),
    ] {
        if v > 0 {
            dj[k] = json!(v);
        }
    }
    if expect.is_some() {
        dj["deliveries_per_message"] = json!(p.per_message);
    }
    if measured > expected {
        dj["surplus"] = json!(measured - expected);
    }
    rep.put("deliveries", dj);
    if !st.ends.is_empty() {
        rep.put("ends", counts(&st.ends));
    }
    rep.put("latency", hist_json(&all));
    if r.ack_count > 0 {
        rep.put("ack_latency", hist_json(&r.acks));
    }
    if p.rate.is_some() {
        rep.put("publisher_lag", hist_json(&r.lag));
    }
    rep.put("cpu", cpu_json(&pids, &r.a, &r.b, "deliveries", measured));
    if !pids.is_empty() {
        let end = snap(&pids, true);
        for (i, x) in end.procs.iter().enumerate() {
            peak.resize(pids.len(), 0);
            peak[i] = peak[i].max(x.rss);
        }
        rep.put("memory", mem_json(&pids, &before, &after, &peak, up));
    }
    let ok = lost == 0
        && dup == 0
        && st.failures.is_empty()
        && lost_conns == 0
        && r.errors.is_empty()
        && r.aborted.is_none();
    Ok(ok)
}
