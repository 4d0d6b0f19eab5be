//! What a log is made of: epochs, positions, events.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of one history of a log. Compared only for equality.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// A name nobody used before.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string().into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Epoch {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self(name.into()))
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A place in a log: all that happened up to here is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub epoch: Epoch,
    /// The last durable event.
    pub seq: u64,
    /// Counts events of every kind, so that a follower knows which conflated values are news.
    pub(super) revision: u64,
}

/// What the writer of an event must put into its body.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    pub epoch: &'a Epoch,
    /// The event's own number, or that of the last durable event for the other kinds.
    pub seq: u64,
}

/// How much a log promises about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbered and never left out.
    Durable,
    /// Only the latest value counts.
    Conflated,
    /// May be left out.
    Lossy,
}

/// One event, encoded once and cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    /// The event's own number, or that of the last durable event for the other kinds.
    pub seq: u64,
    /// The name clients know it by, e.g. `TradeEvent` or `text.delta`.
    pub name: ByteString,
    /// Of a conflated one: what it is the latest value of.
    pub key: Option<Arc<str>>,
    /// One JSON value, as clients see it.
    pub body: Bytes,
    pub(super) revision: u64,
}

impl Event {
    /// An event that is not part of a log: a snapshot that stands for everything up to `seq`.
    pub fn standing_for(name: impl Into<ByteString>, seq: u64, body: impl Into<Bytes>) -> Self {
        Self {
            kind: Kind::Conflated,
            seq,
            name: name.into(),
            key: None,
            body: body.into(),
            revision: 0,
        }
    }
}

/// Something small that the store keeps beside a log, written in one step with what was appended
/// before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub key: String,
    pub value: Bytes,
    /// The store forgets it after this long.
    pub keep: Duration,
}
