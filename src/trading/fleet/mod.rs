//! What makes the bots and backtests of all instances one server's.
//!
//! Each log has one writer: the instance that made it, or that took it over when its writer had died
//! ([`owning`], [`orphans`]). Every other instance has a copy ([`copies`], found by [`index`]), shows
//! it to its own viewers, and asks the writer for whatever changes it ([`asking`], [`requests`]).
//! So numbers, registrations, deadlines and idempotency are decided in one place, wherever a worker
//! or an operator is connected, and a worker that moves to another instance moves nothing else.
//!
//! While Redis is away, an instance goes on with what it writes, and makes what is new by itself
//! ([`unstored`]). Without Redis there is only this instance, and nothing here does anything.

mod asking;
mod carrying;
mod changing;
mod copies;
mod index;
mod looking;
mod orphans;
mod owning;
mod requests;
mod unstored;
mod workers;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dashmap::DashMap;
use tokio::sync::{mpsc, watch};

use self::copies::Copy;
use self::requests::Asked;
use super::ids::Id;
use super::live::Live;
use super::subject::{About, Subject};
use crate::eventlog::{LogName, SharedLogs, StoreError};
use crate::problem::{Code, Problem};
use crate::redis::InstanceId;

pub use self::asking::{Special, json};
pub use self::carrying::Missing;
pub use self::requests::{RegisteredAt, Request};

/// Logs that begin to be owned or followed at the same time.
const TURNS: usize = 64;

/// This instance among the others, for one kind of log.
pub struct Fleet<S: Subject> {
    logs: SharedLogs,
    /// What this instance writes.
    mine: DashMap<Id, Mine, ahash::RandomState>,
    /// What of it the store does not know of yet, and what it is to be told.
    unstored: DashMap<Id, About, ahash::RandomState>,
    /// What others write.
    copies: DashMap<Id, Arc<Copy<S>>, ahash::RandomState>,
    /// Held, by id, while a log begins to be owned or followed.
    turns: [tokio::sync::Mutex<()>; TURNS],
    hasher: ahash::RandomState,
    dead: Mutex<HashSet<InstanceId>>,
    /// Whether the index was read: until then a list would not be whole.
    knows_all: watch::Sender<bool>,
    asked: mpsc::UnboundedSender<Asked>,
    asking: Mutex<Option<mpsc::UnboundedReceiver<Asked>>>,
}

/// A log that this instance may write.
struct Mine {
    /// When it was taken over from another: that one may have left notes.
    inherited: Option<Instant>,
}

impl<S: Subject> Fleet<S> {
    pub fn new(logs: SharedLogs) -> Self {
        // Bounded by what Redis lets in: a place is taken for each question.
        let (asked, asking) = mpsc::unbounded_channel();
        Self {
            logs,
            mine: DashMap::default(),
            unstored: DashMap::default(),
            copies: DashMap::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            hasher: ahash::RandomState::default(),
            dead: Mutex::default(),
            knows_all: watch::Sender::new(false),
            asked,
            asking: Mutex::new(Some(asking)),
        }
    }

    /// Whether this instance writes the log.
    pub fn owns(&self, id: &str) -> bool {
        self.mine.contains_key(id)
    }

    fn owned(&self) -> Vec<Id> {
        self.mine.iter().map(|mine| mine.key().clone()).collect()
    }

    /// Two who begin with the same log take turns.
    async fn turn(&self, id: &Id) -> tokio::sync::MutexGuard<'_, ()> {
        let number = self.hasher.hash_one(id) as usize % TURNS;
        self.turns[number].lock().await
    }

    fn dead(&self) -> MutexGuard<'_, HashSet<InstanceId>> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subject> Live<S> {
    /// What is there to be listed, once this instance knows of all there is.
    pub async fn knows_all(&self) -> Result<(), Problem> {
        match &self.fleet {
            Some(fleet) => fleet.wait_for_index().await,
            None => Ok(()),
        }
    }
}

fn name<S: Subject>(id: &str) -> LogName {
    LogName::new(S::KIND, id)
}

fn unavailable(error: &StoreError) -> Problem {
    Problem::new(Code::StoreUnavailable, error.to_string())
}
