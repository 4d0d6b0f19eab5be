//! The events of one epoch that a log keeps: durable ones numbered without gaps, the latest conflated
//! values, the last lossy ones. What of them may be shown is left to [`Inner`](super::inner::Inner).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;

use super::{Bounds, Event, Kind, NotInLog, Share};

/// What an event costs besides its parts: the count of its body's readers, and what allocations are
/// rounded up to.
const ALLOCATIONS: usize = 64;

pub struct Kept {
    bounds: Bounds,
    /// Of what many logs keep together.
    share: Option<Share>,
    /// The last durable event's number.
    seq: u64,
    durable: VecDeque<Event>,
    durable_bytes: usize,
    /// The revision before the oldest durable event that is kept.
    trimmed_revision: u64,
    conflated: IndexMap<Arc<str>, Event, ahash::RandomState>,
    lossy: VecDeque<Event>,
}

impl Kept {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            share: None,
            seq: 0,
            durable: VecDeque::new(),
            durable_bytes: 0,
            trimmed_revision: 0,
            conflated: IndexMap::default(),
            lossy: VecDeque::new(),
        }
    }

    /// The durable events count towards what many logs keep together.
    pub fn set_share(&mut self, share: Share) {
        self.share = Some(share);
        self.count();
    }

    /// The last durable event's number.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How much memory the durable events take, roughly.
    pub fn bytes(&self) -> usize {
        self.durable_bytes + self.durable.capacity() * size_of::<Event>()
    }

    /// Nothing more will come.
    pub fn close(&mut self) {
        self.durable.shrink_to_fit();
    }

    /// Forgets everything; the next durable event comes after `seq` and after `revision`.
    pub fn restart(&mut self, seq: u64, revision: u64) {
        *self = Self {
            seq,
            trimmed_revision: revision,
            share: self.share.take(),
            ..Self::new(self.bounds)
        };
        self.count();
    }

    /// Adds an event; a conflated one in place of the former one of its key. `released`: a store
    /// has the durable events up to that number, and those after it are not given up for others'
    /// sake.
    pub fn add(&mut self, event: Event, released: Option<u64>) {
        match event.kind {
            Kind::Durable => self.push_durable(event, released),
            Kind::Conflated => self.set_conflated(event),
            Kind::Lossy => self.push_lossy(event, released.is_some()),
        }
    }

    fn push_durable(&mut self, event: Event, released: Option<u64>) {
        self.seq = event.seq;
        self.durable_bytes += event.body.len();
        self.durable.push_back(event);
        let Bounds { events, bytes, .. } = self.bounds;
        while self.durable.len() > 1 && (self.durable.len() > events || self.durable_bytes > bytes)
        {
            self.forget_oldest();
        }
        let may_go = |seq| released.is_none_or(|released| seq <= released);
        while self.count() && self.durable.len() > 1 && may_go(self.trimmed() + 1) {
            self.forget_oldest();
        }
    }

    /// Answers whether it is too much beside other logs.
    fn count(&mut self) -> bool {
        // By length: giving events up leaves the room that they had.
        let bytes = self.durable_bytes + self.durable.len() * (size_of::<Event>() + ALLOCATIONS);
        self.share.as_mut().is_some_and(|share| {
            share.set(bytes);
            share.is_too_large()
        })
    }

    fn forget_oldest(&mut self) {
        if let Some(event) = self.durable.pop_front() {
            self.durable_bytes -= event.body.len();
            self.trimmed_revision = event.revision;
        }
    }

    fn set_conflated(&mut self, event: Event) {
        let key = event.key.clone().unwrap_or_default();
        // Kept in the order of revisions, so that the news are at the end.
        self.conflated.shift_remove(&key);
        self.conflated.insert(key, event);
        if self.conflated.len() > self.bounds.conflated {
            self.conflated.shift_remove_index(0);
        }
    }

    fn push_lossy(&mut self, event: Event, has_store: bool) {
        if self.bounds.lossy_until_stored && !has_store {
            return;
        }
        self.lossy.push_back(event);
        if self.lossy.len() > self.bounds.lossy {
            self.lossy.pop_front();
        }
    }

    /// The store has sent on what came up to a revision.
    pub fn forget_sent(&mut self, up_to: u64) {
        if self.bounds.lossy_until_stored {
            self.lossy.retain(|event| event.revision > up_to);
        }
    }

    /// The latest value of a key.
    pub fn latest(&self, key: &str) -> Option<&Bytes> {
        self.conflated.get(key).map(|event| &event.body)
    }

    /// Every durable event, then the latest conflated values.
    pub fn all(&self) -> Vec<Event> {
        let values = self.conflated.values();
        self.durable.iter().chain(values).cloned().collect()
    }

    /// The number of events before the oldest that is kept.
    pub fn trimmed(&self) -> u64 {
        self.seq - self.durable.len() as u64
    }

    /// The revision of the durable event `seq`.
    pub fn revision_at(&self, seq: u64) -> Result<u64, NotInLog> {
        let index = self.index_after(seq)?;
        Ok(match index.checked_sub(1) {
            Some(index) => self.durable[index].revision,
            None => self.trimmed_revision,
        })
    }

    /// The oldest event after a place.
    pub fn next_after(&self, seq: u64, revision: u64) -> Result<Option<&Event>, NotInLog> {
        let durable = self.durable.get(self.index_after(seq)?);
        let conflated = self.newer_conflated(revision).next();
        let lossy = self.newer_lossy(revision).next();
        let next = durable.into_iter().chain(conflated).chain(lossy);
        Ok(next.min_by_key(|event| event.revision))
    }

    /// Every event after a place, the oldest first.
    pub fn after(&self, seq: u64, revision: u64) -> Result<Vec<Event>, NotInLog> {
        let durable = self.durable.range(self.index_after(seq)?..);
        let conflated = self.newer_conflated(revision);
        let lossy = self.newer_lossy(revision);
        let mut events: Vec<Event> = durable.chain(conflated).chain(lossy).cloned().collect();
        events.sort_unstable_by_key(|event| event.revision);
        Ok(events)
    }

    /// Where in `durable` the event after `seq` is or will be.
    fn index_after(&self, seq: u64) -> Result<usize, NotInLog> {
        if seq < self.trimmed() || seq > self.seq {
            return Err(NotInLog);
        }
        Ok((seq - self.trimmed()) as usize)
    }

    fn newer_conflated(&self, revision: u64) -> impl Iterator<Item = &Event> {
        let newest_first = self.conflated.values().rev();
        let newer = newest_first.take_while(|event| event.revision > revision);
        let older = self.conflated.len() - newer.count();
        self.conflated.values().skip(older)
    }

    fn newer_lossy(&self, revision: u64) -> impl Iterator<Item = &Event> {
        let first = self
            .lossy
            .partition_point(|event| event.revision <= revision);
        self.lossy.range(first..)
    }
}
