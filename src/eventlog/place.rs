//! How far a copy of a log is, and which of the events that come are news to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Epoch, Event, Kind, Stored};

/// Conflated values whose order is remembered; the owner keeps fewer. Beyond it the one that did
/// not change for longest is forgotten.
const MOST_VALUES: usize = 2_048;

pub struct Place {
    pub epoch: Epoch,
    /// The last durable event.
    pub seq: u64,
    /// The latest conflated values, each with its order.
    values: HashMap<Arc<str>, u64, ahash::RandomState>,
}

impl Place {
    /// The end of what the store holds.
    pub fn of(stored: &Stored) -> Self {
        let mut place = Self {
            epoch: stored.epoch.clone(),
            seq: stored.seq,
            values: HashMap::default(),
        };
        for event in &stored.events {
            place.is_newer(event);
        }
        place
    }

    /// What of `events` was not known; from here on it is. `None`: there is a gap before them.
    pub fn news(&mut self, events: &[Event]) -> Option<Vec<Event>> {
        let mut reached = self.seq;
        for event in events.iter().filter(|event| event.kind == Kind::Durable) {
            match event.seq {
                seq if seq <= reached => {}
                seq if seq == reached + 1 => reached = seq,
                _ => return None,
            }
        }
        let news = events.iter().filter(|event| self.is_new(event)).cloned();
        Some(news.collect())
    }

    fn is_new(&mut self, event: &Event) -> bool {
        match event.kind {
            Kind::Durable => {
                let is_new = event.seq > self.seq;
                self.seq = self.seq.max(event.seq);
                is_new
            }
            // A read may have come before what was fed earlier, or the other way round.
            Kind::Conflated => self.is_newer(event),
            Kind::Lossy => event.seq >= self.seq,
        }
    }

    /// Whether a conflated value is newer than the one known under its key.
    fn is_newer(&mut self, event: &Event) -> bool {
        let Some(key) = &event.key else {
            return false;
        };
        match self.values.get_mut(key) {
            Some(order) if event.revision <= *order => false,
            Some(order) => {
                *order = event.revision;
                true
            }
            None => {
                self.values.insert(key.clone(), event.revision);
                self.forget_one_too_many();
                true
            }
        }
    }

    fn forget_one_too_many(&mut self) {
        if self.values.len() <= MOST_VALUES {
            return;
        }
        let oldest = self.values.iter().min_by_key(|(_, order)| **order);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            self.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind, seq: u64, order: u64) -> Event {
        Event {
            kind,
            seq,
            key: (kind == Kind::Conflated).then(|| "pnl".into()),
            revision: order,
            ..Event::standing_for("Event", seq, "")
        }
    }

    fn place(seq: u64) -> Place {
        let stored = Stored {
            seq,
            ..Stored::empty(Epoch::from("e"), "".into(), "a".into())
        };
        Place::of(&stored)
    }

    #[test]
    fn durable_events_are_news_once_and_never_over_a_gap() {
        let durable = |seqs: &[u64]| -> Vec<Event> {
            let events = seqs.iter().map(|seq| event(Kind::Durable, *seq, 0));
            events.collect()
        };
        let mut place = place(4);
        assert_eq!(place.news(&durable(&[3, 4, 5, 6])), Some(durable(&[5, 6])));
        assert_eq!(place.news(&durable(&[5, 6])), Some(Vec::new()));
        assert_eq!(place.news(&durable(&[7, 9])), None);
        assert_eq!(place.seq, 6, "nothing before a gap was taken");
    }

    #[test]
    fn of_a_conflated_value_no_older_one_is_news_whatever_its_number() {
        let mut place = place(4);
        let value = |seq, order| [event(Kind::Conflated, seq, order)];
        assert_eq!(place.news(&value(4, 8)), Some(value(4, 8).to_vec()));
        assert_eq!(place.news(&value(4, 7)), Some(Vec::new()));
        assert_eq!(place.news(&value(4, 8)), Some(Vec::new()));
        assert_eq!(place.news(&value(3, 9)), Some(value(3, 9).to_vec()));
    }

    #[test]
    fn so_many_values_are_remembered_and_no_more() {
        let mut place = place(0);
        for order in 0..5_000 {
            let mut value = event(Kind::Conflated, 0, order);
            value.key = Some(order.to_string().into());
            assert_eq!(place.news(&[value]).map(|news| news.len()), Some(1));
        }
        assert_eq!(place.values.len(), MOST_VALUES);
    }
}
