//! What the lock of a log guards: the state, the events that are kept, and what may be shown.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use indexmap::IndexMap;

use super::{Bounds, Epoch, Event, Kind, NotInLog, Note, Position, Stamp};

/// Notes of one log that the store does not have yet; the oldest goes first.
const MOST_NOTES: usize = 1_000;

/// What is to happen when followers may see the durable event of that number.
type WhenShown = (u64, Box<dyn FnOnce() + Send>);

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
    /// The epoch began with a state that its events alone do not make.
    is_based_on_state: bool,
    when_shown: VecDeque<WhenShown>,
    /// With the revisions they were made at.
    notes: VecDeque<(u64, Note)>,
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
            is_based_on_state: false,
            when_shown: VecDeque::new(),
            notes: VecDeque::new(),
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
        self.act_on_shown();
    }

    /// Calls `act` when followers may see all that there is now, at once if they may already.
    pub fn when_shown(&mut self, act: impl FnOnce() + Send + 'static) {
        if self.when_shown.is_empty() && self.may_show(self.seq) {
            act();
        } else {
            self.when_shown.push_back((self.seq, Box::new(act)));
        }
    }

    pub fn forget_unshown(&mut self) {
        self.when_shown.clear();
    }

    fn act_on_shown(&mut self) {
        while let Some((seq, _)) = self.when_shown.front()
            && self.may_show(*seq)
        {
            if let Some((_, act)) = self.when_shown.pop_front() {
                act();
            }
        }
    }

    /// The latest value of a key.
    pub fn latest(&self, key: &str) -> Option<&Bytes> {
        self.conflated.get(key).map(|event| &event.body)
    }

    pub fn note(&mut self, note: Note) {
        self.revision += 1;
        self.notes.push_back((self.revision, note));
        if self.notes.len() > MOST_NOTES {
            self.notes.pop_front();
        }
    }

    /// The notes made since a position, up to another.
    pub fn notes(&self, after: u64, up_to: u64) -> Vec<Note> {
        let made = self.notes.iter();
        made.filter(|(revision, _)| *revision > after && *revision <= up_to)
            .map(|(_, note)| note.clone())
            .collect()
    }

    /// The store has the notes up to a revision.
    pub fn forget_notes(&mut self, up_to: u64) {
        self.notes.retain(|(revision, _)| *revision > up_to);
    }

    pub fn is_based_on_state(&self) -> bool {
        self.is_based_on_state
    }

    pub fn shows(&self, position: &Position) -> bool {
        position.epoch != self.epoch || self.may_show(position.seq)
    }

    /// Goes on where another writer's history stands. What waited here was never part of it.
    pub fn adopt(&mut self, epoch: Epoch, seq: u64) {
        self.when_shown.clear();
        self.notes.clear();
        self.restart(epoch, seq);
    }

    /// Begins an epoch with the state as it is: what its viewers were told is complete up to here.
    pub fn begin_epoch(&mut self, epoch: Epoch) {
        // What comes before the new epoch is shown before it.
        for (_, act) in self.when_shown.drain(..) {
            act();
        }
        self.restart(epoch, 0);
        self.is_based_on_state = true;
    }

    /// Forgets everything kept; the next durable event comes after `seq`.
    fn restart(&mut self, epoch: Epoch, seq: u64) {
        self.is_based_on_state = seq > 0;
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
