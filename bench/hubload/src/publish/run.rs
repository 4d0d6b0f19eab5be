//! Warm-up, measured part, drain.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::{Acks, Marks, PubCfg, PubResult, Run, link};
use crate::client::{Cfg, Shared};
use crate::stats::{Pid, hist, now_ns, snap};

pub fn run(
    p: &PubCfg,
    cfg: &Cfg,
    shared: &Arc<Shared>,
    marks: &Marks,
    pids: &[Pid],
) -> Result<PubResult, String> {
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1000) };
    let mut r = Run {
        p,
        shared,
        link: link(p, cfg)?,
        seq: 0,
        given_up: 0,
        stalls: 0,
        last_total: 0,
        last_progress: 0,
        lag: None,
        not_sent: 0,
        fds: Vec::new(),
        buf: vec![0; 64 << 10],
    };
    marks.run_start.store(now_ns(), Relaxed);
    let per = p.per_message;
    if p.warmup > 0.0 {
        r.drive(p.warmup)?;
        r.settle(5.0, |seq| shared.total() >= seq * per)?;
    }
    let published_warmup = r.seq;
    let warmup_lost = (r.seq * per).saturating_sub(shared.total());
    r.given_up = warmup_lost;
    r.stalls = 0;
    r.not_sent = 0;
    *r.link.acks() = Acks {
        hist: Some(hist()),
        ..Acks::default()
    };
    r.lag = Some(hist());
    marks.first_measured.store(r.seq + 1, Relaxed);
    let a = snap(pids, false);
    let mut aborted = None;
    let t0 = now_ns();
    if let Err(e) = r.drive(p.duration) {
        aborted = Some(e);
    }
    let t1 = now_ns();
    let published = r.seq - published_warmup;
    let mut drained = false;
    match r.settle(p.drain, |_| marks.measured() >= published * per) {
        Ok(d) => drained = d,
        Err(e) => {
            // the publisher's link is gone; the receivers may still be getting what it sent
            aborted.get_or_insert(e);
            let end = now_ns() + (p.drain * 1e9) as u64;
            while now_ns() < end && marks.measured() < published * per {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
    let b = snap(pids, false);
    let t2 = now_ns();
    let acks = std::mem::take(r.link.acks());
    r.link.finish();
    Ok(PubResult {
        published,
        published_warmup,
        warmup_lost,
        not_sent: r.not_sent,
        publish_s: (t1 - t0) as f64 / 1e9,
        drain_s: (t2 - t1) as f64 / 1e9,
        drained,
        first_at: t0,
        ack_count: acks.count,
        acks: acks.hist.unwrap_or_else(hist),
        lag: r.lag.unwrap(),
        errors: acks.errors,
        stalls: r.stalls,
        redis_receivers: acks.receivers,
        a,
        b,
        aborted,
    })
}
