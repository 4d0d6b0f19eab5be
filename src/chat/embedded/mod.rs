//! Conversations in the embedded database: a file that outlives the process, or memory only.
//!
//! Every operation is one transaction. A database in memory is bounded: the conversations that were
//! quiet longest go first. A file is not.

mod changes;
mod keys;
mod parts;
mod reading;
mod tables;
mod turns;

use std::sync::Arc;

use futures_util::FutureExt;
use redb::ReadableDatabase;
use tokio::sync::Mutex;

use self::tables::{Tables, View};
use super::store::{
    Answer, Begun, Claim, LeftBehind, Opened, Part, Store, StoreError, Turn, TurnEnd, UsageRecord,
};
use super::{
    ConversationId, ConversationSummary, Message, MessageId, Page, RunId, Timestamp, UserId,
};
use crate::eventlog::Database;

/// What the store may hold.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedBounds {
    /// Of all messages together. Beyond it the conversation that was quiet longest is forgotten.
    pub bytes: u64,
    pub usage_records_per_user: u64,
    /// Client message ids remembered, of all users.
    pub keys: u64,
}

impl EmbeddedBounds {
    /// For a database that is only in memory.
    pub const IN_MEMORY: Self = Self {
        bytes: 256 * 1024 * 1024,
        usage_records_per_user: 10_000,
        keys: 100_000,
    };

    /// For a file.
    pub const ON_DISK: Self = Self {
        bytes: u64::MAX,
        usage_records_per_user: 100_000,
        keys: 1_000_000,
    };
}

/// A [`Store`] of one instance.
#[derive(Clone)]
pub struct EmbeddedStore {
    database: Database,
    bounds: EmbeddedBounds,
    /// Held by who changes something. There is one change at a time; whoever waits for it in the
    /// database itself would keep a thread.
    changing: Arc<Mutex<()>>,
}

impl EmbeddedStore {
    pub fn new(database: Database) -> Result<Self, StoreError> {
        let bounds = match database.is_in_memory() {
            true => EmbeddedBounds::IN_MEMORY,
            false => EmbeddedBounds::ON_DISK,
        };
        Self::with_bounds(database, bounds)
    }

    pub fn with_bounds(database: Database, bounds: EmbeddedBounds) -> Result<Self, StoreError> {
        let store = Self {
            database,
            bounds,
            changing: Arc::default(),
        };
        // Readers need the tables to be there.
        store.change(|_, _| Ok(()))?;
        Ok(store)
    }

    /// Runs that were on their way when the last process ended. Ask before the first run begins.
    pub fn left_behind(&self) -> Result<Vec<LeftBehind>, StoreError> {
        let transaction = self.database.tables().begin_read()?;
        reading::left_behind(&View::open(&transaction)?)
    }

    /// Keeps what runs on their way have said, for the next process. The end of a run forgets it.
    pub async fn keep_parts(&self, parts: Arc<[Part]>) -> Result<(), StoreError> {
        match parts.is_empty() {
            true => Ok(()),
            false => {
                self.write(move |tables, _| parts::keep(tables, &parts))
                    .await
            }
        }
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Tables<'_>, &EmbeddedBounds) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.database.tables().begin_write()?;
        // Dropped without a commit, a transaction has not happened.
        let result = change(&mut Tables::open(&transaction)?, &self.bounds)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Changes away from the threads that serve connections: a commit waits for the disk.
    fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tables<'_>, &EmbeddedBounds) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'static, T> {
        let store = self.clone();
        async move {
            // Goes along: a caller that does not wait any more lets nobody in before the end.
            let turn = store.changing.clone().lock_owned().await;
            in_background(move || {
                let _turn = turn;
                store.change(change)
            })
            .await
        }
        .boxed()
    }

    fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'static, T> {
        let store = self.clone();
        in_background(move || look(&View::open(&store.database.tables().begin_read()?)?))
    }
}

fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Answer<'static, T> {
    async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "an operation of the embedded database broke");
            Err(StoreError::Unavailable)
        })
    }
    .boxed()
}

impl Store for EmbeddedStore {
    fn begin_turn<'a>(&'a self, turn: &'a Turn) -> Answer<'a, Begun> {
        let turn = turn.clone();
        self.write(move |tables, bounds| turns::begin(tables, bounds, &turn))
    }

    fn finish_turn<'a>(&'a self, end: &'a TurnEnd) -> Answer<'a, bool> {
        let end = end.clone();
        self.write(move |tables, bounds| turns::finish(tables, bounds, &end))
    }

    fn open<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        before: Option<&'a MessageId>,
        limit: usize,
    ) -> Answer<'a, Opened> {
        let (user, conversation, before) = (user.clone(), conversation.clone(), before.cloned());
        self.read(move |view| reading::open(view, &user, &conversation, before.as_ref(), limit))
    }

    fn list<'a>(
        &'a self,
        user: &'a UserId,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Page<ConversationSummary>> {
        let (user, cursor) = (user.clone(), cursor.map(str::to_owned));
        self.read(move |view| reading::list(view, &user, cursor.as_deref(), limit))
    }

    fn rename<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        title: &'a str,
    ) -> Answer<'a, ()> {
        let (user, conversation, title) = (user.clone(), conversation.clone(), title.to_owned());
        self.write(move |tables, _| changes::rename(tables, &user, &conversation, title))
    }

    fn delete<'a>(&'a self, user: &'a UserId, conversation: &'a ConversationId) -> Answer<'a, ()> {
        let (user, conversation) = (user.clone(), conversation.clone());
        self.write(move |tables, _| changes::delete(tables, &user, &conversation))
    }

    fn answer_of<'a>(
        &'a self,
        user: &'a UserId,
        run: &'a RunId,
    ) -> Answer<'a, (ConversationId, Message)> {
        let (user, run) = (user.clone(), run.clone());
        self.read(move |view| reading::answer_of(view, &user, &run))
    }

    fn claims<'a>(&'a self, user: &'a UserId) -> Answer<'a, Vec<Claim>> {
        let user = user.clone();
        self.read(move |view| reading::claims(view, &user))
    }

    fn usage<'a>(
        &'a self,
        user: &'a UserId,
        from: Timestamp,
        to: Timestamp,
    ) -> Answer<'a, Vec<UsageRecord>> {
        let user = user.clone();
        self.read(move |view| reading::usage(view, &user, from, to))
    }
}
