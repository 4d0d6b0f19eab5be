//! When the store is to get another snapshot of a log.

use bytes::Bytes;

use super::{Event, Kind, Stored};

/// Durable events after which one is due, however small they are: who reads the log applies them all.
const EVENTS: u64 = 2_000;
/// Bytes of durable events after which one is due, and at least this many times the size of the one
/// before. So snapshots are a third of what is written at most, and what the store keeps besides what
/// the writer keeps stays a few times the size of the state.
const BYTES: usize = 16 * 1024;
const TIMES: usize = 2;

/// What the store got since the last snapshot.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotDue {
    events: u64,
    bytes: usize,
    size: usize,
}

impl SnapshotDue {
    pub fn of(stored: &Stored) -> Self {
        let (seq, size) = match &stored.snapshot {
            Some((seq, state)) => (*seq, state.len()),
            None => (0, 0),
        };
        let mut due = Self {
            events: 0,
            bytes: 0,
            size,
        };
        due.add(stored.events.iter().filter(|event| event.seq > seq));
        due
    }

    pub fn is_with(mut self, events: &[Event]) -> bool {
        self.add(events.iter());
        self.events >= EVENTS || self.bytes >= BYTES.max(TIMES * self.size)
    }

    pub fn sent(&mut self, events: &[Event], snapshot: Option<&(u64, Bytes)>) {
        match snapshot {
            Some((_, state)) => {
                *self = Self {
                    events: 0,
                    bytes: 0,
                    size: state.len(),
                }
            }
            None => self.add(events.iter()),
        }
    }

    fn add<'a>(&mut self, events: impl Iterator<Item = &'a Event>) {
        for event in events.filter(|event| event.kind == Kind::Durable) {
            self.events += 1;
            self.bytes += event.body.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durable(bytes: usize, count: usize) -> Vec<Event> {
        let body = Bytes::from(vec![b'x'; bytes]);
        (1..=count as u64)
            .map(|seq| Event {
                kind: Kind::Durable,
                seq,
                revision: seq,
                key: None,
                name: "Event".into(),
                body: body.clone(),
            })
            .collect()
    }

    fn nothing_stored() -> SnapshotDue {
        SnapshotDue {
            events: 0,
            bytes: 0,
            size: 0,
        }
    }

    #[test]
    fn many_small_events_make_one_due() {
        let mut due = nothing_stored();
        due.sent(&durable(1, 1_999), None);
        assert!(!due.is_with(&[]));
        assert!(due.is_with(&durable(1, 1)));
    }

    #[test]
    fn few_large_events_make_one_due() {
        let due = nothing_stored();
        assert!(!due.is_with(&durable(BYTES - 1, 1)));
        assert!(due.is_with(&durable(BYTES, 1)));
    }

    #[test]
    fn a_large_state_is_written_less_often() {
        let mut due = nothing_stored();
        due.sent(&[], Some(&(1, Bytes::from(vec![b'x'; 100_000]))));
        assert!(!due.is_with(&durable(1_000, 199)));
        assert!(due.is_with(&durable(1_000, 200)));
    }
}
