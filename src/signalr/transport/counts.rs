//! How many connections there are, per hub and transport, for whoever asks at any moment.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::signalr::connection::TransportKind;

const KINDS: [TransportKind; 3] = [
    TransportKind::WebSockets,
    TransportKind::ServerSentEvents,
    TransportKind::LongPolling,
];

/// The connections of one hub. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<[AtomicUsize; 3]>);

impl Counts {
    /// Counts a connection until what comes back is dropped.
    pub fn count(&self, kind: TransportKind) -> Counted {
        self.0[kind as usize].fetch_add(1, Ordering::Relaxed);
        Counted(self.clone(), kind)
    }

    /// Each transport with the number of its connections.
    pub fn by_transport(&self) -> [(TransportKind, usize); 3] {
        KINDS.map(|kind| (kind, self.0[kind as usize].load(Ordering::Relaxed)))
    }
}

/// One counted connection.
#[derive(Debug)]
pub struct Counted(Counts, TransportKind);

impl Drop for Counted {
    fn drop(&mut self) {
        let Self(Counts(counts), kind) = self;
        counts[*kind as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_for_as_long_as_it_is_there() {
        let counts = Counts::default();
        let first = counts.count(TransportKind::LongPolling);
        let _second = counts.count(TransportKind::LongPolling);
        drop(first);
        let numbers = counts.by_transport().map(|(_, count)| count);
        assert_eq!(numbers, [0, 0, 1]);
    }
}
