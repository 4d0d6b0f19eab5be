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
//! What is here is the memory of one instance, and it stays what writers and followers talk to. A
//! store that is shared (Redis) or survives a restart (embedded) fits behind it: the writer's
//! instance hands the tail to the store, another instance fills a log of its own from the store.

mod event;
mod follower;
mod log;
#[cfg(test)]
mod model;

pub use event::{Epoch, Event, Kind, Position, Stamp};
pub use follower::{Follower, Step};
pub use log::{Bounds, EventLog, NotInLog, Writer};
