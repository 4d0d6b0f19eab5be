//! The log itself: one lock around its state, its events and their numbers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use indexmap::IndexMap;
use tokio::sync::watch;

use super::{Epoch, Event, Follower, Kind, Position, Stamp, Step};

/// How much a log keeps. The oldest goes first; the newest event is always kept, whatever its size.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Durable events.
    pub events: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
    /// Keys of conflated values.
    pub conflated: usize,
    /// Lossy events.
    pub lossy: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            events: 10_000,
            bytes: 8 * 1024 * 1024,
            conflated: 1_024,
            lossy: 256,
        }
    }
}

/// What was asked for is of another epoch, was trimmed, or has not happened: only a snapshot helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log does not hold what comes after this position")]
pub struct NotInLog;

/// An ordered log with a state `S` that changes together with it. See the module's page.
pub struct EventLog<S> {
    inner: Mutex<Inner<S>>,
    /// Says "there is more": the revision of the newest event. Carries no events.
    news: watch::Sender<u64>,
}

struct Inner<S> {
    state: S,
    epoch: Epoch,
    bounds: Bounds,
    closed: bool,
    revision: u64,
    /// The last durable event's number.
    seq: u64,
    durable: VecDeque<Event>,
    durable_bytes: usize,
    /// The revision before the oldest durable event that is kept.
    trimmed_revision: u64,
    conflated: IndexMap<Box<str>, Event, ahash::RandomState>,
    lossy: VecDeque<Event>,
}

impl<S> EventLog<S> {
    pub fn new(epoch: Epoch, state: S, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                state,
                epoch,
                bounds,
                closed: false,
                revision: 0,
                seq: 0,
                durable: VecDeque::new(),
                durable_bytes: 0,
                trimmed_revision: 0,
                conflated: IndexMap::default(),
                lossy: VecDeque::new(),
            }),
            news: watch::Sender::new(0),
        })
    }

    /// Changes the state and appends events in one step: nobody sees the one without the other.
    /// Keep it short, followers wait meanwhile.
    pub fn write<R>(&self, change: impl FnOnce(&mut Writer<'_, S>) -> R) -> R {
        let (result, revision) = {
            let mut inner = self.lock();
            let result = change(&mut Writer { inner: &mut inner });
            (result, inner.revision)
        };
        self.announce(revision);
        result
    }

    /// Looks at the state together with the position it is complete up to.
    pub fn read<R>(&self, look: impl FnOnce(&S, Position) -> R) -> R {
        let inner = self.lock();
        look(&inner.state, inner.position())
    }

    pub fn position(&self) -> Position {
        self.lock().position()
    }

    /// The place after the durable event `seq` of `epoch`, as a client remembers it.
    pub fn position_at(&self, epoch: &Epoch, seq: u64) -> Result<Position, NotInLog> {
        self.lock().position_at(epoch, seq)
    }

    /// What happened since a position, oldest first: every durable event, the latest conflated
    /// values, the lossy events that are still kept. Also answers the position reached.
    pub fn after(&self, position: &Position) -> Result<(Vec<Event>, Position), NotInLog> {
        let inner = self.lock();
        Ok((inner.after(position)?, inner.position()))
    }

    /// Follows the log from a position on. It need not be in the log any more: then the follower's
    /// first step is [`Step::Behind`].
    pub fn follow(self: &Arc<Self>, position: Position) -> Follower<S> {
        Follower::new(Arc::clone(self), self.news.subscribe(), position)
    }

    /// Starts a new epoch: everything kept is forgotten, numbers begin again, followers are told.
    pub fn restart(&self, epoch: Epoch, state: S) {
        let revision = {
            let mut inner = self.lock();
            inner.restart(epoch, state);
            inner.revision
        };
        self.announce(revision);
    }

    /// Nothing will be written any more: followers end after the last event.
    pub fn close(&self) {
        let revision = {
            let mut inner = self.lock();
            inner.closed = true;
            inner.revision += 1;
            inner.revision
        };
        self.announce(revision);
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn step(&self, position: &Position) -> Option<Step> {
        let inner = self.lock();
        match inner.next_after(position) {
            Err(NotInLog) => Some(Step::Behind),
            Ok(Some(event)) => Some(Step::Event(event)),
            Ok(None) if inner.closed => Some(Step::Closed),
            Ok(None) => None,
        }
    }

    fn announce(&self, revision: u64) {
        // Writers announce after the lock is gone, so a later one may come first.
        self.news.send_if_modified(|seen| {
            let newer = revision > *seen;
            *seen = revision.max(*seen);
            newer
        });
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        // A writer that panicked left whole events behind: each is stored in one step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log while it is being written.
pub struct Writer<'a, S> {
    inner: &'a mut Inner<S>,
}

impl<S> Writer<'_, S> {
    pub fn state(&mut self) -> &mut S {
        &mut self.inner.state
    }

    /// The last durable event's number.
    pub fn seq(&self) -> u64 {
        self.inner.seq
    }

    pub fn epoch(&self) -> &Epoch {
        &self.inner.epoch
    }

    /// Starts a new epoch as [`EventLog::restart`] does, but keeps the state as it is.
    pub fn restart(&mut self, epoch: Epoch) {
        self.inner.forget(epoch);
    }

    /// Appends a durable event and answers its number. `encode` makes its body, one JSON value.
    pub fn append<B: Into<Bytes>>(
        &mut self,
        name: &'static str,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) -> u64 {
        let event = self
            .inner
            .event(Kind::Durable, self.inner.seq + 1, name, encode);
        self.inner.seq = event.seq;
        self.inner.durable_bytes += event.body.len();
        self.inner.durable.push_back(event);
        self.inner.trim();
        self.inner.seq
    }

    /// Sets the latest value under `key`, in place of the one before.
    pub fn conflate<B: Into<Bytes>>(
        &mut self,
        key: &str,
        name: &'static str,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) {
        let event = self
            .inner
            .event(Kind::Conflated, self.inner.seq, name, encode);
        // Kept in the order of revisions, so that the news are at the end.
        self.inner.conflated.shift_remove(key);
        self.inner.conflated.insert(key.into(), event);
        if self.inner.conflated.len() > self.inner.bounds.conflated {
            self.inner.conflated.shift_remove_index(0);
        }
    }

    /// Adds an event that may be left out for those who read too slowly.
    pub fn lose<B: Into<Bytes>>(
        &mut self,
        name: &'static str,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) {
        let event = self.inner.event(Kind::Lossy, self.inner.seq, name, encode);
        self.inner.lossy.push_back(event);
        if self.inner.lossy.len() > self.inner.bounds.lossy {
            self.inner.lossy.pop_front();
        }
    }
}

impl<S> Inner<S> {
    fn event<B: Into<Bytes>>(
        &mut self,
        kind: Kind,
        seq: u64,
        name: &'static str,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) -> Event {
        let epoch = &self.epoch;
        let body = encode(Stamp { epoch, seq }).into();
        self.revision += 1;
        Event {
            kind,
            seq,
            name,
            body,
            revision: self.revision,
        }
    }

    fn trim(&mut self) {
        while self.durable.len() > 1
            && (self.durable.len() > self.bounds.events || self.durable_bytes > self.bounds.bytes)
        {
            if let Some(event) = self.durable.pop_front() {
                self.durable_bytes -= event.body.len();
                self.trimmed_revision = event.revision;
            }
        }
    }

    fn restart(&mut self, epoch: Epoch, state: S) {
        self.state = state;
        self.forget(epoch);
    }

    fn forget(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.revision += 1;
        self.seq = 0;
        self.durable.clear();
        self.durable_bytes = 0;
        self.trimmed_revision = self.revision;
        self.conflated.clear();
        self.lossy.clear();
        self.closed = false;
    }

    fn position(&self) -> Position {
        Position {
            epoch: self.epoch.clone(),
            seq: self.seq,
            revision: self.revision,
        }
    }

    /// The number of events before the oldest that is kept.
    fn trimmed(&self) -> u64 {
        self.seq - self.durable.len() as u64
    }

    fn position_at(&self, epoch: &Epoch, seq: u64) -> Result<Position, NotInLog> {
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

    /// Where in `durable` the event after `seq` is or will be.
    fn index_after(&self, epoch: &Epoch, seq: u64) -> Result<usize, NotInLog> {
        if *epoch != self.epoch || seq < self.trimmed() || seq > self.seq {
            return Err(NotInLog);
        }
        Ok((seq - self.trimmed()) as usize)
    }

    fn next_after(&self, position: &Position) -> Result<Option<Event>, NotInLog> {
        Ok(self
            .news(position)?
            .min_by_key(|event| event.revision)
            .cloned())
    }

    fn after(&self, position: &Position) -> Result<Vec<Event>, NotInLog> {
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

    /// The first event of each kind that comes after a position.
    fn news(&self, position: &Position) -> Result<impl Iterator<Item = &Event>, NotInLog> {
        let index = self.index_after(&position.epoch, position.seq)?;
        let conflated = self.newer_conflated(position.revision).next();
        let lossy = self.newer_lossy(position.revision).next();
        Ok(self
            .durable
            .get(index)
            .into_iter()
            .chain(conflated)
            .chain(lossy))
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
