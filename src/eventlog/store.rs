//! Where a log is kept besides its writer's memory, so that other instances, or the next process,
//! can go on with it.
//!
//! A log in a store has one owner, the instance that may append. Ownership is a [`Lease`] with a
//! fence: each new owner's fence is higher, and what a former owner still sends is refused. A lease
//! lasts as long as its owner lives; nothing is renewed for each log.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tokio::sync::watch;

use super::{Epoch, Event, Note};

/// A log's name in the store: what it is of, and an id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName(Arc<str>);

impl LogName {
    /// `kind` is one word, e.g. `chat`; `id` is any text.
    pub fn new(kind: &str, id: &str) -> Self {
        Self(format!("{kind}/{id}").into())
    }

    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or("", |(kind, _)| kind)
    }

    pub fn id(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, id)| id)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for LogName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Debug for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Keeps logs. Every operation is one step: all of it happens, or nothing.
pub trait LogStore: Send + Sync {
    /// Makes a log, or takes over one that is there, if its owner is who it is expected to be.
    fn acquire<'a>(
        &'a self,
        log: &'a LogName,
        about: Bytes,
        from: Expected<'a>,
    ) -> Answer<'a, Acquired>;

    /// Appends to several logs of this instance. One answer for each, in order.
    fn append<'a>(&'a self, batch: &'a [Append]) -> Answer<'a, Vec<Appended>>;

    /// A log as it is kept: what comes after a place, or, if it does not hold that, a snapshot and
    /// what comes after it. With `follow` this instance is sent what is appended from here on.
    fn read<'a>(
        &'a self,
        log: &'a LogName,
        after: Option<(&'a Epoch, u64)>,
        follow: bool,
    ) -> Answer<'a, Option<Stored>>;

    /// How far logs are; `None` for one that is not there.
    fn tails<'a>(&'a self, logs: &'a [LogName]) -> Answer<'a, Vec<Option<Tail>>>;

    /// Lets a log go, so that another may acquire it.
    fn let_go<'a>(&'a self, lease: &'a Lease) -> Answer<'a, ()>;

    /// Forgets a log.
    fn remove<'a>(&'a self, lease: &'a Lease) -> Answer<'a, ()>;

    /// Logs of a kind whose owner is dead, with that owner. Asked for again and again: the store
    /// believes in a death only after a while of watching.
    fn orphans<'a>(&'a self, kind: &'a str) -> Answer<'a, Vec<(LogName, Arc<str>)>>;

    /// All logs of a kind that somebody owns.
    fn logs<'a>(&'a self, kind: &'a str) -> Answer<'a, Vec<LogName>>;

    /// A note that was left beside a log, if it is still kept.
    fn note<'a>(&'a self, log: &'a LogName, key: &'a str) -> Answer<'a, Option<Bytes>>;

    /// Logs of a kind that this instance owns.
    fn owned<'a>(&'a self, kind: &'a str) -> Answer<'a, Vec<LogName>>;

    /// What is appended by others to the logs that this instance follows. To be taken once.
    fn feed(&self) -> BoxStream<'static, Fed>;

    /// Counts the times the store came back. What was written before may be gone then.
    fn returns(&self) -> watch::Receiver<u64>;
}

pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Temporary: nothing is known of what the store holds.
    #[error("the store does not answer")]
    Unavailable,
    #[error("the store holds what cannot be read: {0}")]
    Damaged(String),
}

/// The right to append to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub log: LogName,
    /// The instance that holds it.
    pub owner: Arc<str>,
    /// Higher than that of every owner before.
    pub fence: u64,
}

/// Whose log an instance takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// Nobody's: it is new, or was let go.
    Nobody,
    /// Nobody's, or that of this (dead) instance.
    Instance(&'a str),
    /// Whose ever it is.
    Anybody,
}

#[derive(Clone, Debug)]
pub enum Acquired {
    /// The lease, and what the log holds.
    Yes(Lease, Stored),
    /// It is somebody else's.
    Held { owner: Arc<str> },
}

/// A log as the store holds it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub epoch: Epoch,
    /// The last durable event's number.
    pub seq: u64,
    pub owner: Option<Arc<str>>,
    /// What its first owner said of it.
    pub about: Bytes,
    pub ended: bool,
    /// The state as it was after a durable event; its number.
    pub snapshot: Option<(u64, Bytes)>,
    /// Durable events, oldest first, then the latest conflated values, the one that changed last at
    /// the end.
    pub events: Vec<Event>,
}

/// How far a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The last durable event's number.
    pub seq: u64,
    pub ended: bool,
}

impl Stored {
    /// A log that was just made.
    pub fn empty(epoch: Epoch, about: Bytes, owner: Arc<str>) -> Self {
        Self {
            epoch,
            seq: 0,
            owner: Some(owner),
            about,
            ended: false,
            snapshot: None,
            events: Vec::new(),
        }
    }
}

/// What is to be appended to one log.
#[derive(Clone, Debug)]
pub struct Append {
    pub lease: Lease,
    pub epoch: Epoch,
    /// In order. Durable ones are stored, and conflated ones in place of the value before; lossy ones
    /// are only sent to who follows.
    pub events: Vec<Event>,
    pub notes: Vec<Note>,
    /// The state after the durable event of that number; what came before need not be kept then.
    pub snapshot: Option<(u64, Bytes)>,
    /// The writer itself keeps nothing up to this number, so the store need not either once a snapshot
    /// stands for it.
    pub trimmed: u64,
    /// In place of all that the store holds, which may be nothing or of a former epoch.
    pub whole: Option<Whole>,
    /// Nothing will follow; forget it after this long.
    pub ended: Option<Duration>,
}

/// What a log that is written anew is told besides its events.
#[derive(Clone, Debug)]
pub struct Whole {
    pub about: Bytes,
    /// Its events alone do not make its state: a reader needs the snapshot in any case.
    pub is_based_on_state: bool,
}

/// What became of an [`Append`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The store has everything up to this number.
    UpTo(u64),
    /// Another instance owns the log now.
    Fenced,
    /// The store has no such log, or less of it, or another epoch: it must be written as a whole.
    Missing,
}

/// What others did to a log that this instance follows.
#[derive(Clone, Debug)]
pub enum Fed {
    Events {
        log: LogName,
        epoch: Epoch,
        events: Vec<Event>,
        ended: bool,
    },
    /// Something was lost: what is followed must be read again.
    Lost,
}
