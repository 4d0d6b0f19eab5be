//! The log while it is being written.

use bytes::Bytes;
use bytestring::ByteString;

use super::inner::Inner;
use super::{Epoch, Kind, Stamp};

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
        self.inner.restart(epoch, 0);
    }

    /// Goes on where another writer's history stands: everything kept is forgotten, and the next
    /// durable event of `epoch` is the one after `seq`.
    pub fn adopt(&mut self, epoch: Epoch, seq: u64) {
        self.inner.restart(epoch, seq);
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

    /// Adds an event that may be left out for those who read too slowly.
    pub fn lose<B: Into<Bytes>>(
        &mut self,
        name: impl Into<ByteString>,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) {
        self.inner.add(Kind::Lossy, None, name.into(), encode);
    }
}
