//! Plain counters of one hub on this instance; telemetry reads them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::signalr::connection::{CloseReason, TransportKind};

/// Upper bounds of the durations that are counted together, in seconds: those of
/// `signalr.server.connection.duration`.
pub const DURATION_BOUNDS: [f64; 14] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// What happened with the connections of a hub.
#[derive(Debug, Default)]
pub struct Numbers {
    opened: [AtomicU64; 3],
    closed: [AtomicU64; 3],
    invocations: AtomicU64,
    sends: AtomicU64,
    ends: Mutex<Ends>,
}

#[derive(Debug, Default)]
struct Ends {
    by_reason: BTreeMap<(&'static str, &'static str), u64>,
    durations: BTreeMap<(&'static str, &'static str), Durations>,
}

/// How long connections lasted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    /// How many are within each of [`DURATION_BOUNDS`] and in none before it; the last one is
    /// beyond all.
    pub buckets: [u64; DURATION_BOUNDS.len() + 1],
    /// All together, in seconds.
    pub sum: f64,
}

impl Numbers {
    /// A connection has shaken hands.
    pub fn opened(&self, transport: TransportKind) {
        self.opened[transport as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A connection that had shaken hands begins to end.
    pub fn closed(&self, transport: TransportKind, reason: &CloseReason, lasted: Duration) {
        self.closed[transport as usize].fetch_add(1, Ordering::Relaxed);
        let mut ends = self.ends();
        let by_reason = ends.by_reason.entry((transport.name(), reason.name()));
        *by_reason.or_default() += 1;
        let durations = ends.durations.entry((transport.name(), status(reason)));
        durations.or_default().add(lasted.as_secs_f64());
    }

    /// A client calls a method.
    pub fn invoked(&self) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
    }

    /// A message leaves for one or many.
    pub fn sent(&self) {
        self.sends.fetch_add(1, Ordering::Relaxed);
    }

    /// Open connections over one transport.
    pub fn active(&self, transport: TransportKind) -> u64 {
        let closed = self.closed[transport as usize].load(Ordering::Relaxed);
        let opened = self.opened[transport as usize].load(Ordering::Relaxed);
        opened.saturating_sub(closed)
    }

    /// Methods that clients called.
    pub fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }

    /// Messages for one or many, each counted once.
    pub fn sends(&self) -> u64 {
        self.sends.load(Ordering::Relaxed)
    }

    /// Ended connections: transport, reason, count.
    pub fn ends_by_reason(&self) -> Vec<(&'static str, &'static str, u64)> {
        let ends = self.ends();
        let by_reason = ends.by_reason.iter();
        by_reason
            .map(|(&(transport, reason), &count)| (transport, reason, count))
            .collect()
    }

    /// Ended connections: transport, status as OpenTelemetry names it, how long they lasted.
    pub fn durations(&self) -> Vec<(&'static str, &'static str, Durations)> {
        let ends = self.ends();
        let durations = ends.durations.iter();
        durations
            .map(|(&(transport, status), lasted)| (transport, status, lasted.clone()))
            .collect()
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Durations {
    fn add(&mut self, seconds: f64) {
        let bucket = DURATION_BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += 1;
        self.sum += seconds;
    }
}

/// `signalr.connection.status`.
fn status(reason: &CloseReason) -> &'static str {
    match reason {
        CloseReason::Shutdown => "app_shutdown",
        CloseReason::ClientTimeout | CloseReason::Gone | CloseReason::SendTimeout => "timeout",
        _ => "normal_closure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_counted_by_transport_reason_and_duration() {
        let numbers = Numbers::default();
        for _ in 0..3 {
            numbers.opened(TransportKind::WebSockets);
        }
        let close = |reason, seconds| {
            numbers.closed(
                TransportKind::WebSockets,
                &reason,
                Duration::from_secs_f64(seconds),
            );
        };
        close(CloseReason::ClientLeft, 0.01);
        close(CloseReason::ClientTimeout, 1_000.0);
        assert_eq!(numbers.active(TransportKind::WebSockets), 1);
        assert_eq!(
            numbers.ends_by_reason(),
            [
                ("WebSockets", "client_left", 1),
                ("WebSockets", "client_timeout", 1)
            ]
        );
        let durations = numbers.durations();
        let (_, status, normal) = &durations[0];
        assert_eq!((*status, normal.buckets[0]), ("normal_closure", 1));
        let (_, status, timeout) = &durations[1];
        assert_eq!(
            (*status, timeout.buckets[14], timeout.sum),
            ("timeout", 1, 1_000.0)
        );
    }
}
