//! Where conversations are kept: the operations a store must do in one step, and nothing else.
//!
//! [`MemoryStore`](super::MemoryStore) is one; a store in Redis or in an embedded database does the
//! same operations, each as one script or one transaction. What decides who may produce an answer,
//! [`Store::begin_turn`], checks and claims in the same step.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    ClientMessageId, ConversationId, ConversationSummary, Message, MessageId, Page, Role, RunId,
    Timestamp, UserId,
};

/// Keeps conversations, messages, and which of them is being answered.
pub trait Store: Send + Sync {
    /// Changes a conversation as `turn` says and claims it for the new run, or does nothing at all.
    fn begin_turn<'a>(&'a self, turn: &'a Turn) -> Answer<'a, Begun>;

    /// Adds the answer and gives the claim back, if `run` still holds it.
    fn finish_turn<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        run: &'a RunId,
        answer: Message,
    ) -> Answer<'a, ()>;

    /// The messages before `before` (or the last), at most `limit`, oldest first.
    fn open<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        before: Option<&'a MessageId>,
        limit: usize,
    ) -> Answer<'a, Opened>;

    fn list<'a>(
        &'a self,
        user: &'a UserId,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Page<ConversationSummary>>;

    fn rename<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        title: &'a str,
    ) -> Answer<'a, ()>;

    /// Forgets a conversation that nobody is answering.
    fn delete<'a>(&'a self, user: &'a UserId, conversation: &'a ConversationId) -> Answer<'a, ()>;

    /// The finished answer of a run, also when its log is gone.
    fn answer_of<'a>(
        &'a self,
        user: &'a UserId,
        run: &'a RunId,
    ) -> Answer<'a, (ConversationId, Message)>;

    fn record_usage<'a>(&'a self, user: &'a UserId, usage: UsageRecord) -> Answer<'a, ()>;

    /// What was used from `from` on and before `to`.
    fn usage<'a>(
        &'a self,
        user: &'a UserId,
        from: Timestamp,
        to: Timestamp,
    ) -> Answer<'a, Vec<UsageRecord>>;
}

pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("there is no such thing")]
    NotFound,
    #[error("a run is active")]
    RunActive(RunId),
    #[error("the key was used with another content")]
    KeyConflict,
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the store does not answer")]
    Unavailable,
}

/// A request for an answer: what changes first, and the ids of what is new.
#[derive(Clone, Debug)]
pub struct Turn {
    pub user: UserId,
    pub change: Change,
    /// The client's name for the request, and what it asked for: a repeat gets the first answer.
    pub key: Option<(ClientMessageId, u64)>,
    pub run_id: RunId,
    pub message_id: MessageId,
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// Makes a conversation with its first message.
    Create {
        conversation: ConversationId,
        title: String,
        message: MessageId,
        content: Arc<str>,
    },
    /// Adds a message at the end.
    Append {
        conversation: ConversationId,
        message: MessageId,
        content: Arc<str>,
    },
    /// Removes an assistant's message and everything after it.
    Regenerate {
        conversation: ConversationId,
        message: MessageId,
    },
    /// Replaces a user's message and removes everything after it.
    Edit {
        conversation: ConversationId,
        message: MessageId,
        content: Arc<str>,
    },
}

/// The ids a request for an answer is answered with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Started {
    pub conversation_id: ConversationId,
    pub user_message_id: MessageId,
    pub message_id: MessageId,
    pub run_id: RunId,
}

/// What became of a [`Turn`].
#[derive(Clone, Debug)]
pub enum Begun {
    /// The conversation is claimed. `history` ends with the message to answer.
    New {
        started: Started,
        history: Vec<(Role, Arc<str>)>,
    },
    /// The same request came before.
    Repeated(Started),
}

#[derive(Clone, Debug)]
pub struct Opened {
    pub title: String,
    pub messages: Vec<Message>,
    pub active_run: Option<RunId>,
}

/// What one run used.
#[derive(Clone, Debug)]
pub struct UsageRecord {
    pub at: Timestamp,
    pub model: String,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}
