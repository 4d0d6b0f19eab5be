//! Where conversations are kept: the operations a store must do in one step, and nothing else.
//!
//! [`EmbeddedStore`](super::EmbeddedStore) keeps them in a file or in memory, [`RedisStore`]
//! (super::RedisStore) for a fleet. What decides who may produce an answer, [`Store::begin_turn`],
//! checks and claims in the same step.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{
    ClientMessageId, ConversationId, ConversationSummary, Message, MessageId, Page, Role, RunId,
    Timestamp, UserId,
};

/// Keeps conversations, messages, and which of them is being answered.
pub trait Store: Send + Sync {
    /// Changes a conversation as `turn` says and claims it for the new run, or does nothing at all.
    fn begin_turn<'a>(&'a self, turn: &'a Turn) -> Answer<'a, Begun>;

    /// Adds the answer and what it used, and gives the claim back. Answers whether the run still
    /// held the claim; if not, only usage was recorded. Doing it twice is doing it once.
    fn finish_turn<'a>(&'a self, end: &'a TurnEnd) -> Answer<'a, bool>;

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

    /// The user's claims, the oldest first.
    fn claims<'a>(&'a self, user: &'a UserId) -> Answer<'a, Vec<Claim>>;

    /// What was used from `from` on and before `to`, the oldest first.
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

impl StoreError {
    pub const NOT_A_CURSOR: Self = Self::Invalid("this is not a cursor");

    /// A message of another role was named.
    pub const fn not_a_message_of(role: Role) -> Self {
        Self::Invalid(match role {
            Role::Assistant => "only an assistant's message can be regenerated",
            Role::User => "only a user's message can be edited",
        })
    }
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
    pub model: String,
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

impl Change {
    pub fn conversation(&self) -> &ConversationId {
        match self {
            Self::Create { conversation, .. }
            | Self::Append { conversation, .. }
            | Self::Regenerate { conversation, .. }
            | Self::Edit { conversation, .. } => conversation,
        }
    }
}

/// The ids a request for an answer is answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A run that holds a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    pub run_id: RunId,
    pub conversation_id: ConversationId,
    pub message_id: MessageId,
    pub model: String,
    pub started_at: Timestamp,
}

impl Claim {
    pub fn of(turn: &Turn) -> Self {
        Self {
            run_id: turn.run_id.clone(),
            conversation_id: turn.change.conversation().clone(),
            message_id: turn.message_id.clone(),
            model: turn.model.clone(),
            started_at: turn.at,
        }
    }
}

/// What a run said up to an event, since the part before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    pub text: String,
    pub reasoning: String,
    pub last_seq: u64,
}

/// A piece of an answer that is not finished.
#[derive(Clone, Debug)]
pub struct Part {
    pub user: UserId,
    pub run: RunId,
    pub said: Said,
}

/// A run that was on its way when the last process ended.
#[derive(Clone, Debug)]
pub struct LeftBehind {
    pub user: UserId,
    pub claim: Claim,
    /// All of it that was kept.
    pub said: Said,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct TurnEnd {
    pub user: UserId,
    pub conversation: ConversationId,
    pub run: RunId,
    pub answer: Message,
    pub usage: Option<UsageRecord>,
    /// What the run answers. A store that lost the turn, or the whole conversation, while it was
    /// away gets it from here; `None`: whoever ends the run does not know it.
    pub question: Option<Message>,
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct Opened {
    pub title: String,
    pub messages: Vec<Message>,
    pub active_run: Option<RunId>,
}

/// What one run used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    pub at: Timestamp,
    pub run: RunId,
    pub model: String,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}
