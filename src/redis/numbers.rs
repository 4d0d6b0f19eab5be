//! Plain counters of the service; telemetry reads them.

use std::sync::atomic::{AtomicU64, Ordering};

/// All of them only grow, except the round trip.
#[derive(Debug, Default)]
pub struct Numbers {
    /// Messages published.
    pub published: Counter,
    /// Messages received.
    pub received: Counter,
    /// Messages that came and could not be kept: a subscriber's queue or fred's ring was full.
    pub lost: Counter,
    /// Attempts to connect that failed, and connections that were lost.
    pub failures: Counter,
    /// Times a connection was made again after one had been lost.
    pub reconnects: Counter,
    /// The last round trip of a ping, in microseconds.
    pub round_trip: Counter,
}

/// One number.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}
