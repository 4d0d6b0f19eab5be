//! The log while it is being written.

use bytes::Bytes;
use bytestring::ByteString;

use super::inner::Inner;
use super::{Epoch, Kind, Note, Stamp};

/// The log under its lock.
pub struct Writer<'a, S> {
    inner: &'a mut Inner<S>,
}

impl<'a, S> Writer<'a, S> {
    pub(super) fn new(inner: &'a mut Inner<S>) -> Self {
        Self { inner }
    }

    pub fn state(&mut self) -> &mut S {
        self.inner.state_mut()
    }

    /// The last durable event's number.
    pub fn seq(&self) -> u64 {
        self.inner.seq()
    }

    pub fn epoch(&self) -> &Epoch {
        self.inner.epoch()
    }

    /// Starts a new epoch as [`EventLog::restart`](super::EventLog::restart) does, but keeps the
    /// state as it is.
    pub fn restart(&mut self, epoch: Epoch) {
        self.inner.begin_epoch(epoch);
    }

    /// Goes on where another writer's history stands: everything kept is forgotten, and the next
    /// durable event of `epoch` is the one after `seq`.
    pub fn adopt(&mut self, epoch: Epoch, seq: u64) {
        self.inner.adopt(epoch, seq);
    }

    /// Appends a durable event and answers its number. `encode` makes its body, one JSON value.
    pub fn append<B: Into<Bytes>>(
        &mut self,
        name: impl Into<ByteString>,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) -> u64 {
        self.inner.add(Kind::Durable, None, name.into(), encode);
        self.inner.seq()
    }

    /// The latest value under `key`.
    pub fn latest(&self, key: &str) -> Option<&Bytes> {
        self.inner.kept().latest(key)
    }

    /// Sets the latest value under `key`, in place of the one before.
    pub fn conflate<B: Into<Bytes>>(
        &mut self,
        key: &str,
        name: impl Into<ByteString>,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) {
        self.inner
            .add(Kind::Conflated, Some(key), name.into(), encode);
    }

    /// Calls `act` when followers may see all that was written up to now: at once if the store has
    /// it, or if there is none. Calls keep their order; `act` runs under the log's lock.
    pub fn when_shown(&mut self, act: impl FnOnce() + Send + 'static) {
        self.inner.when_shown(act);
    }

    /// Leaves a note beside the log in the store, if there is one, together with what was written
    /// before it.
    pub fn note(&mut self, note: Note) {
        self.inner.note(note);
    }

    /// Adds an event that may be left out for those who read too slowly.
    pub fn lose<B: Into<Bytes>>(
        &mut self,
        name: impl Into<ByteString>,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) {
        self.inner.add(Kind::Lossy, None, name.into(), encode);
    }
}
