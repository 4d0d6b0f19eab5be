//! Time, and distributions of it.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// ns of CLOCK_MONOTONIC: the same clock in every process of this machine.
#[inline]
pub fn now_ns() -> u64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

pub fn secs(d: f64) -> Duration {
    Duration::from_secs_f64(d.max(0.0))
}

pub type Hist = Histogram<u64>;

/// 1 ns .. 120 s, 3 significant digits.
pub fn hist() -> Hist {
    Hist::new_with_bounds(1, 120_000_000_000, 3).unwrap()
}

pub fn us(ns: u64) -> Value {
    json!((ns as f64 / 100.0).round() / 10.0)
}

pub fn hist_json(h: &Hist) -> Value {
    if h.is_empty() {
        return json!({ "count": 0 });
    }
    json!({
        "count": h.len(),
        "mean_us": us(h.mean() as u64),
        "p50_us": us(h.value_at_quantile(0.5)),
        "p90_us": us(h.value_at_quantile(0.9)),
        "p99_us": us(h.value_at_quantile(0.99)),
        "p99.9_us": us(h.value_at_quantile(0.999)),
        "max_us": us(h.max()),
    })
}
