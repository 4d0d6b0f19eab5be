//! AI chat: conversations, runs that belong to the server, providers, tools.
//!
//! A *conversation* belongs to one user and holds *messages*. A [`Run`] produces one assistant
//! message; everything that happens in it is an event in its log ([`eventlog`](crate::eventlog)), and
//! viewers follow that log, so a run does not care which sockets come and go.
//!
//! - [`ChatService`] is what a hub calls; [`Observer`] is what it tells.
//! - [`store`] keeps conversations and decides who may answer; [`EmbeddedStore`] is one.
//! - [`provider`] asks models: OpenAI-compatible endpoints, and the built-in assistant.
//! - `producer` turns a provider's chunks into events: joins deltas, retries, calls tools, ends.

pub mod config;
mod embedded;
pub mod event;
mod fleet;

mod history;
mod ids;
mod message;
mod producer;
pub mod provider;
mod redis;
mod run;
mod runs;
mod service;
pub mod store;
#[cfg(test)]
mod tests;
mod tools;
mod trading_view;
mod usage;

pub use config::ChatConfig;
pub use embedded::{EmbeddedBounds, EmbeddedStore};
pub use fleet::Fleet;
pub use ids::{ClientMessageId, ConversationId, MessageId, RunId, UserId, check_id};

pub use message::{ConversationSummary, FinishReason, Message, Page, Role, RunError, Timestamp};
pub use provider::{Model, Options};
pub use redis::RedisStore;
pub use run::{ActiveRun, CancelState, Run, RunIds};
pub use service::{
    ChatService, Edit, Followed, NewMessage, Observer, OpenedConversation, Running, What,
};
pub use store::Started;
pub use trading_view::{Looked, TradingView};
pub use usage::UsageReport;
