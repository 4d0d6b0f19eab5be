//! The phases of a run, and waiting for them.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::client::{STOP, Shared, Worker};
use crate::stats::{Pid, secs, track_peak};

pub const START: u8 = 1;

pub const MEASURE: u8 = 2;

pub const DRAIN: u8 = 3;

/// Sleeps, with an eye on the stop flag and on the servers' RSS.
pub fn pause(s: f64, shared: &Shared, pids: &[Pid], peak: &mut Vec<u64>) {
    let end = Instant::now() + secs(s);
    let mut n = 0;
    while Instant::now() < end && !shared.stopping.load(Relaxed) {
        if n % 10 == 0 {
            track_peak(pids, peak);
        }
        n += 1;
        std::thread::sleep(
            end.saturating_duration_since(Instant::now())
                .min(Duration::from_millis(50)),
        );
    }
}

/// Follows the controller's phase in a plain cell.
pub async fn follow(w: Rc<Worker>, set: impl Fn(u8)) {
    let mut rx = w.shared.phase.subscribe();
    loop {
        let p = *rx.borrow_and_update();
        set(p);
        if p == STOP || rx.changed().await.is_err() {
            return;
        }
    }
}

pub fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}
