//! The tables of the embedded store. Keys begin with the user, so that nobody finds what is not
//! theirs; values are JSON.

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::chat::store::{Started, StoreError};
use crate::chat::{
    ConversationId, ConversationSummary, Message, MessageId, RunId, Timestamp, UserId,
};

type Json = &'static [u8];
type Pair = (&'static str, &'static str);
type Numbered = (&'static str, &'static str, u64);

/// (user, conversation)
const CONVERSATIONS: TableDefinition<Pair, Json> = TableDefinition::new("chat.conversations");
/// (user, change): what lists are read from.
const BY_CHANGE: TableDefinition<(&str, u64), &str> = TableDefinition::new("chat.by_change");
/// Every conversation by its last change, the quietest first.
const QUIET: TableDefinition<u64, Pair> = TableDefinition::new("chat.quiet");
/// (user, conversation, index)
const MESSAGES: TableDefinition<Numbered, Json> = TableDefinition::new("chat.messages");
/// (user, conversation, message): its index
const INDEX: TableDefinition<(&str, &str, &str), u64> = TableDefinition::new("chat.index");
/// (user, run): conversation and message
const ANSWERS: TableDefinition<Pair, Pair> = TableDefinition::new("chat.answers");
/// (user, run)
const CLAIMS: TableDefinition<Pair, Json> = TableDefinition::new("chat.claims");
/// (user, run, last event): what the run said up to there, since the part before.
const PARTS: TableDefinition<Numbered, Json> = TableDefinition::new("chat.parts");
/// (user, client message id)
const KEYS: TableDefinition<Pair, Json> = TableDefinition::new("chat.keys");
/// (milliseconds, user, client message id): the oldest first.
const KEY_AGES: TableDefinition<(i64, &str, &str), ()> = TableDefinition::new("chat.key_ages");
/// (user, milliseconds, run)
const USAGE: TableDefinition<(&str, i64, &str), Json> = TableDefinition::new("chat.usage");
/// Counters: the last change, the bytes of all messages, remembered keys.
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("chat.numbers");

/// All tables while they are changed.
pub struct Tables<'t> {
    pub conversations: Table<'t, Pair, Json>,
    pub by_change: Table<'t, (&'static str, u64), &'static str>,
    pub quiet: Table<'t, u64, Pair>,
    pub messages: Table<'t, Numbered, Json>,
    pub index: Table<'t, (&'static str, &'static str, &'static str), u64>,
    pub answers: Table<'t, Pair, Pair>,
    pub claims: Table<'t, Pair, Json>,
    pub parts: Table<'t, Numbered, Json>,
    pub keys: Table<'t, Pair, Json>,
    pub key_ages: Table<'t, (i64, &'static str, &'static str), ()>,
    pub usage: Table<'t, (&'static str, i64, &'static str), Json>,
    pub numbers: Table<'t, &'static str, u64>,
}

impl<'t> Tables<'t> {
    pub fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            conversations: transaction.open_table(CONVERSATIONS)?,
            by_change: transaction.open_table(BY_CHANGE)?,
            quiet: transaction.open_table(QUIET)?,
            messages: transaction.open_table(MESSAGES)?,
            index: transaction.open_table(INDEX)?,
            answers: transaction.open_table(ANSWERS)?,
            claims: transaction.open_table(CLAIMS)?,
            parts: transaction.open_table(PARTS)?,
            keys: transaction.open_table(KEYS)?,
            key_ages: transaction.open_table(KEY_AGES)?,
            usage: transaction.open_table(USAGE)?,
            numbers: transaction.open_table(NUMBERS)?,
        })
    }

    pub fn number(&self, name: &str) -> Result<u64, StoreError> {
        Ok(self.numbers.get(name)?.map_or(0, |number| number.value()))
    }

    pub fn add(&mut self, name: &str, more: i64) -> Result<u64, StoreError> {
        let number = self.number(name)?.saturating_add_signed(more);
        self.numbers.insert(name, number)?;
        Ok(number)
    }
}

/// What readers need, as it was at one moment.
pub struct View {
    pub conversations: redb::ReadOnlyTable<Pair, Json>,
    pub by_change: redb::ReadOnlyTable<(&'static str, u64), &'static str>,
    pub messages: redb::ReadOnlyTable<Numbered, Json>,
    pub index: redb::ReadOnlyTable<(&'static str, &'static str, &'static str), u64>,
    pub answers: redb::ReadOnlyTable<Pair, Pair>,
    pub claims: redb::ReadOnlyTable<Pair, Json>,
    pub parts: redb::ReadOnlyTable<Numbered, Json>,
    pub usage: redb::ReadOnlyTable<(&'static str, i64, &'static str), Json>,
}

impl View {
    pub fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            conversations: transaction.open_table(CONVERSATIONS)?,
            by_change: transaction.open_table(BY_CHANGE)?,
            messages: transaction.open_table(MESSAGES)?,
            index: transaction.open_table(INDEX)?,
            answers: transaction.open_table(ANSWERS)?,
            claims: transaction.open_table(CLAIMS)?,
            parts: transaction.open_table(PARTS)?,
            usage: transaction.open_table(USAGE)?,
        })
    }
}

/// A conversation without its messages.
#[derive(Clone, Serialize, Deserialize)]
pub struct Conversation {
    pub title: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Its place among all changes.
    pub change: u64,
    /// Messages have the indexes below this.
    pub length: u64,
    pub active_run: Option<RunId>,
}

impl Conversation {
    pub fn new(title: String, at: Timestamp) -> Self {
        Self {
            title,
            created_at: at,
            updated_at: at,
            change: 0,
            length: 0,
            active_run: None,
        }
    }

    pub fn summary(self, id: &str) -> ConversationSummary {
        ConversationSummary {
            conversation_id: ConversationId::from(id),
            title: self.title,
            created_at: self.created_at,
            updated_at: self.updated_at,
            message_count: self.length as usize,
            active_run_id: self.active_run,
        }
    }
}

/// A client's message id that was used.
#[derive(Serialize, Deserialize)]
pub struct Key {
    pub fingerprint: u64,
    pub at: i64,
    pub started: Started,
}

pub fn conversation(
    table: &impl ReadableTable<Pair, Json>,
    user: &UserId,
    id: &str,
) -> Result<Conversation, StoreError> {
    let found = table.get((&**user, id))?.ok_or(StoreError::NotFound)?;
    read(found.value())
}

pub fn index_of(
    table: &impl ReadableTable<(&'static str, &'static str, &'static str), u64>,
    user: &UserId,
    conversation: &str,
    message: &MessageId,
) -> Result<Option<u64>, StoreError> {
    let found = table.get((&**user, conversation, &**message))?;
    Ok(found.map(|index| index.value()))
}

/// Messages from an index on, up to another, oldest first.
pub fn messages<'a>(
    table: &'a impl ReadableTable<Numbered, Json>,
    user: &'a UserId,
    conversation: &'a str,
    indexes: std::ops::Range<u64>,
) -> Result<impl DoubleEndedIterator<Item = Result<Message, StoreError>> + 'a, StoreError> {
    let (first, end) = (indexes.start, indexes.end.max(indexes.start));
    let range = (&**user, conversation, first)..(&**user, conversation, end);
    let found = table.range::<(&str, &str, u64)>(range)?;
    Ok(found.map(|entry| {
        let (_, json) = entry?;
        Message::from_stored(json.value()).map_err(unreadable)
    }))
}

pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(unreadable)
}

pub fn written(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("has string keys and finite numbers")
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    tracing::error!(%error, "the embedded database cannot be used");
    StoreError::Unavailable
}

macro_rules! unreadable {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                unreadable(error)
            }
        })*
    };
}

unreadable!(StorageError, TableError, TransactionError, CommitError);
