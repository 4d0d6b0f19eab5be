//! How connecting went, by outcome.

use serde_json::{Value, json};

use crate::stats::hist_json;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use super::Shared;
use crate::stats::{Hist, hist};

/// Connection figures of one worker.
pub struct ConnStats {
    pub ok: u64,
    pub failures: BTreeMap<String, u64>,
    pub ends: BTreeMap<String, u64>,
    pub steps: [Hist; 4],
}

impl ConnStats {
    pub fn new() -> Self {
        ConnStats {
            ok: 0,
            failures: BTreeMap::new(),
            ends: BTreeMap::new(),
            steps: [hist(), hist(), hist(), hist()],
        }
    }
    pub fn merge(&mut self, o: ConnStats) {
        self.ok += o.ok;
        for (k, v) in o.failures {
            *self.failures.entry(k).or_default() += v;
        }
        for (k, v) in o.ends {
            *self.ends.entry(k).or_default() += v;
        }
        for (a, b) in self.steps.iter_mut().zip(o.steps) {
            let _ = a.add(b);
        }
    }
    pub fn fail(&mut self, kind: String) {
        bump(&mut self.failures, kind);
    }
}

/// Counts by text; the number of different texts is bounded.
pub fn bump(m: &mut BTreeMap<String, u64>, k: String) {
    if m.len() >= 50 && !m.contains_key(&k) {
        *m.entry("(other)".into()).or_default() += 1;
    } else {
        *m.entry(k).or_default() += 1;
    }
}

pub fn connect_json(shared: &Shared, st: &ConnStats) -> Value {
    let span = shared
        .connect_last
        .load(Relaxed)
        .saturating_sub(shared.connect_first.load(Relaxed)) as f64
        / 1e9;
    let mut j = json!({
        "ok": st.ok,
        "failed": st.failures.values().sum::<u64>(),
        "seconds": (span * 1000.0).round() / 1000.0,
        "per_s": if span > 0.0 { (st.ok as f64 / span).round() } else { 0.0 },
    });
    if st.ok > 0 {
        j["handshake"] = hist_json(&st.steps[3]);
        for (name, i) in [
            ("until_tcp_p50_us", 0),
            ("until_negotiate_p50_us", 1),
            ("until_upgrade_p50_us", 2),
        ] {
            j[name] = json!(st.steps[i].value_at_quantile(0.5) as f64 / 1000.0);
        }
    }
    j
}
