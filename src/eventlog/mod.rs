//! Ordered logs with a snapshot: what chat runs, bots and backtests have in common.
//!
//! An [`EventLog`] belongs to one run, bot or backtest and has one writer. It holds
//!
//! - an [`Epoch`]: an opaque name of this history. A new epoch says that the history restarted;
//! - *durable* events, numbered by `seq` from 1 without gaps, of which the newest are kept ([`Bounds`]);
//! - *conflated* events, of which only the latest value per key is kept, and *lossy* ones, of which
//!   a short ring is kept. Both carry the `seq` of the last durable event and do not advance it;
//! - a state of the caller's choice, changed together with the events, from which a snapshot that is
//!   complete up to a known position can be taken at any time.
//!
//! ```
//! # use managing_api::eventlog::{EventLog, Epoch, Bounds, Step};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let log = EventLog::new(Epoch::random(), String::new(), Bounds::default());
//! log.write(|writer| {
//!     writer.state().push_str("Hello");
//!     writer.append("text.delta", |stamp| format!(r#"{{"seq":{},"text":"Hello"}}"#, stamp.seq));
//! });
//! let (text, position) = log.read(|text, position| (text.clone(), position));
//! assert_eq!((text.as_str(), position.seq), ("Hello", 1));
//!
//! let mut follower = log.follow(position);          // everything after the snapshot: no gap, no double
//! log.write(|writer| writer.append("text.delta", |stamp| format!(r#"{{"seq":{},"text":"!"}}"#, stamp.seq)));
//! assert!(matches!(follower.next().await, Step::Event(event) if event.seq == 2));
//! # });
//! ```
//!
//! A follower is a cursor, not a queue: however slow it reads, it costs nothing but its place in the
//! log. When the log no longer holds what comes next, it is told so ([`Step::Behind`]) and goes on
//! from a snapshot. Bodies are encoded once, when they are written, and shared by reference count.
//!
//! An [`EventLog`] is the memory of one instance, and it stays what writers and followers talk to.
//! Behind it a [`LogStore`] may keep logs for other instances or for the next process:
//!
//! - the writer [acquires](LogStore::acquire) a log, which gives it a [`Lease`] with a fence, and
//!   [attaches](Appender::attach) its `EventLog`. From then on the [`Appender`] brings every change
//!   to the store, many logs in one step, and followers are shown only what the store has;
//! - another instance fills an `EventLog` of its own: [`Feed`] tells a [`Replica`] what the store
//!   holds, then what is appended;
//! - when the owner dies, somebody else acquires the log with a higher fence and goes on at its end.
//!
//! While the store is away writers and their followers go on without it; when it is back, also
//! empty, it gets what it misses.

mod appender;
mod attached;
mod bounds;
mod budget;
mod database;
mod event;
mod feed;
mod followed;
mod follower;
mod inner;
mod kept;
mod log;
#[cfg(test)]
mod model;
mod place;
mod redis;
mod shared;
mod snapshot_due;
mod store;
mod writer;

pub use appender::Appender;
pub use attached::Snapshot;
pub use bounds::Bounds;
pub use budget::{Budget, Share};
pub use database::{Database, OpenError};
pub use event::{Epoch, Event, Kind, Note, Position, Stamp};
pub use feed::{Feed, Replica};
pub use follower::{Follower, Step};
pub use log::{EventLog, NotInLog};
pub use redis::RedisLogs;
pub use shared::SharedLogs;
pub use store::{
    Acquired, Answer, Append, Appended, Expected, Fed, Lease, LogName, LogStore, StoreError,
    Stored, Tail, Whole,
};
pub use writer::Writer;
