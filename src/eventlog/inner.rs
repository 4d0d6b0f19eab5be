//! What the lock of a log guards: the state, the events that are kept, and what may be shown.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use indexmap::IndexMap;

use super::{Bounds, Epoch, Event, Kind, NotInLog, Position, Stamp};

pub struct Inner<S> {
    state: S,
    epoch: Epoch,
    bounds: Bounds,
    closed: bool,
    revision: u64,
    /// The last durable event's number.
    seq: u64,
    /// The last durable event that followers may see; `None`: all of them.
    released: Option<u64>,
    durable: VecDeque<Event>,
    durable_bytes: usize,
    /// The revision before the oldest durable event that is kept.
    trimmed_revision: u64,
    conflated: IndexMap<Arc<str>, Event, ahash::RandomState>,
    lossy: VecDeque<Event>,
}

impl<S> Inner<S> {
    pub fn new(epoch: Epoch, state: S, bounds: Bounds) -> Self {
        Self {
            state,
            epoch,
            bounds,
            closed: false,
            revision: 0,
            seq: 0,
            released: None,
            durable: VecDeque::new(),
            durable_bytes: 0,
            trimmed_revision: 0,
            conflated: IndexMap::default(),
            lossy: VecDeque::new(),
        }
    }

    pub fn state(&self) -> &S {
        &self.state
    }

    pub fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What is kept in memory of the durable events, roughly.
    pub fn bytes(&self) -> usize {
        self.durable_bytes + self.durable.len() * size_of::<Event>()
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Closed, and everything was shown.
    pub fn is_over(&self) -> bool {
        self.closed && self.may_show(self.seq)
    }

    pub fn close(&mut self) {
        self.closed = true;
        self.revision += 1;
    }

    pub fn release(&mut self, seq: Option<u64>) {
        self.released = seq;
        self.revision += 1;
    }

    pub fn shows(&self, position: &Position) -> bool {
        position.epoch != self.epoch || self.may_show(position.seq)
    }

    /// Forgets everything kept; the next durable event comes after `seq`.
    pub fn restart(&mut self, epoch: Epoch, seq: u64) {
        self.epoch = epoch;
        self.revision += 1;
        self.seq = seq;
        self.released = self.released.map(|_| seq);
        self.durable.clear();
        self.durable_bytes = 0;
        self.trimmed_revision = self.revision;
        self.conflated.clear();
        self.lossy.clear();
        self.closed = false;
    }

    /// Adds an event; a conflated one in place of the former one of its key.
    pub fn add<B: Into<Bytes>>(
        &mut self,
        kind: Kind,
        key: Option<&str>,
        name: ByteString,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) {
        let seq = self.seq + u64::from(kind == Kind::Durable);
        let epoch = &self.epoch;
        let body = encode(Stamp { epoch, seq }).into();
        self.revision += 1;
        let key: Option<Arc<str>> = key.map(Arc::from);
        let event = Event {
            kind,
            seq,
            name,
            key: key.clone(),
            body,
            revision: self.revision,
        };
        match kind {
            Kind::Durable => self.push_durable(event),
            Kind::Conflated => self.set_conflated(key.unwrap_or_default(), event),
            Kind::Lossy => self.push_lossy(event),
        }
    }

    fn push_durable(&mut self, event: Event) {
        self.seq = event.seq;
        self.durable_bytes += event.body.len();
        self.durable.push_back(event);
        while self.durable.len() > 1
            && (self.durable.len() > self.bounds.events || self.durable_bytes > self.bounds.bytes)
        {
            if let Some(event) = self.durable.pop_front() {
                self.durable_bytes -= event.body.len();
                self.trimmed_revision = event.revision;
            }
        }
    }

    fn set_conflated(&mut self, key: Arc<str>, event: Event) {
        // Kept in the order of revisions, so that the news are at the end.
        self.conflated.shift_remove(&key);
        self.conflated.insert(key, event);
        if self.conflated.len() > self.bounds.conflated {
            self.conflated.shift_remove_index(0);
        }
    }

    fn push_lossy(&mut self, event: Event) {
        self.lossy.push_back(event);
        if self.lossy.len() > self.bounds.lossy {
            self.lossy.pop_front();
        }
    }

    pub fn position(&self) -> Position {
        Position {
            epoch: self.epoch.clone(),
            seq: self.seq,
            revision: self.revision,
        }
    }

    pub fn position_at(&self, epoch: &Epoch, seq: u64) -> Result<Position, NotInLog> {
        let index = self.index_after(epoch, seq)?;
        let revision = match index.checked_sub(1) {
            Some(index) => self.durable[index].revision,
            None => self.trimmed_revision,
        };
        Ok(Position {
            epoch: epoch.clone(),
            seq,
            revision,
        })
    }

    /// Every durable event that is kept, then the latest conflated values.
    pub fn kept(&self) -> Vec<Event> {
        let values = self.conflated.values();
        self.durable.iter().chain(values).cloned().collect()
    }

    /// The number of events before the oldest that is kept.
    pub fn trimmed(&self) -> u64 {
        self.seq - self.durable.len() as u64
    }

    /// Where in `durable` the event after `seq` is or will be.
    fn index_after(&self, epoch: &Epoch, seq: u64) -> Result<usize, NotInLog> {
        if *epoch != self.epoch || seq < self.trimmed() || seq > self.seq {
            return Err(NotInLog);
        }
        Ok((seq - self.trimmed()) as usize)
    }

    fn may_show(&self, seq: u64) -> bool {
        self.released.is_none_or(|released| seq <= released)
    }

    /// The next event that a follower may see.
    pub fn next_after(&self, position: &Position) -> Result<Option<Event>, NotInLog> {
        let index = self.index_after(&position.epoch, position.seq)?;
        let conflated = self.newer_conflated(position.revision).next();
        let lossy = self.newer_lossy(position.revision).next();
        let next = self.durable.get(index).into_iter();
        let next = next.chain(conflated).chain(lossy);
        let next = next.min_by_key(|event| event.revision);
        Ok(next.filter(|event| self.may_show(event.seq)).cloned())
    }

    pub fn after(&self, position: &Position) -> Result<Vec<Event>, NotInLog> {
        let index = self.index_after(&position.epoch, position.seq)?;
        let conflated = self.newer_conflated(position.revision);
        let lossy = self.newer_lossy(position.revision);
        let mut events: Vec<Event> = self
            .durable
            .range(index..)
            .chain(conflated)
            .chain(lossy)
            .cloned()
            .collect();
        events.sort_unstable_by_key(|event| event.revision);
        Ok(events)
    }

    fn newer_conflated(&self, revision: u64) -> impl Iterator<Item = &Event> {
        let first = self
            .conflated
            .values()
            .rev()
            .take_while(|event| event.revision > revision);
        self.conflated
            .values()
            .skip(self.conflated.len() - first.count())
    }

    fn newer_lossy(&self, revision: u64) -> impl Iterator<Item = &Event> {
        let first = self
            .lossy
            .partition_point(|event| event.revision <= revision);
        self.lossy.range(first..)
    }
}
