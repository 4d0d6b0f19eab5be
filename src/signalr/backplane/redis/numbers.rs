//! Plain counters of one hub's backplane; telemetry reads them.

use std::sync::atomic::{AtomicU64, Ordering};

/// All of them only grow.
#[derive(Debug, Default)]
pub struct Numbers {
    /// Messages that Redis took.
    pub published: Counter,
    /// Messages that came from other instances.
    pub received: Counter,
    /// Own messages that came back, and were dropped because the members here have them.
    pub echoes: Counter,
    /// Sends that were refused, with nothing sent, because too much was waiting.
    pub refused: Counter,
    /// Messages that waited too long for Redis and were dropped.
    pub expired: Counter,
    /// Messages whose fate is unknown: the connection was lost before Redis answered.
    pub uncertain: Counter,
    /// Messages that Redis refused.
    pub rejected: Counter,
    /// Messages that came and were lost because this instance was too slow.
    pub lost: Counter,
    /// Payloads that cannot be read.
    pub malformed: Counter,
    /// Messages that lack a protocol and are converted for those who speak it.
    pub incomplete: Counter,
    /// Group commands that nobody acknowledged in time.
    pub ack_timeouts: Counter,
    /// Questions that nobody answered in time.
    pub result_timeouts: Counter,
}

/// One number.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts one; the former value.
    pub(super) fn count(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
