//! What a hub calls: one method for each thing a user can do with conversations and runs.

mod ending;
mod keeping;
mod problems;
mod requests;
mod settling;
mod starting;
mod viewing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::runtime::Handle;

pub use self::requests::{Edit, How, NewMessage};
pub use self::viewing::{Followed, OpenedConversation, Running};

use self::problems::problem;
use self::requests::{checked_title, limit_of};
use super::fleet::Fleet;
use super::provider::{InvalidProvider, Providers};
use super::runs::Runs;
use super::store::Store;
use super::usage::{UsageReport, span};
use super::{
    ChatConfig, ConversationId, ConversationSummary, Model, Page, Run, TradingView, UserId,
};
use crate::problem::Problem;

const DEFAULT_LIMIT: usize = 50;

/// What chat tells whoever shows it to people, and asks them.
pub trait Observer: Send + Sync {
    /// A run begins, here or on another instance; its log is to be followed from its beginning.
    fn run_started(&self, run: &Arc<Run>);

    fn conversation_changed<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        what: What,
    ) -> BoxFuture<'a, ()>;

    /// Waits until everybody here was shown all of a run that has ended, but not for long.
    fn caught_up<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, ()>;

    /// Whether anybody here has a conversation open.
    fn is_watched(&self, conversation: &ConversationId) -> bool;

    /// The conversations that somebody here has open, and whose they are.
    fn watched(&self) -> Vec<(UserId, ConversationId)>;

    /// A conversation is gone, here or on another instance: nobody has it open any more.
    fn conversation_deleted(&self, conversation: &ConversationId);
}

/// How a conversation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ConversationChange"))]
#[serde(rename_all = "snake_case")]
pub enum What {
    Created,
    Renamed,
    Deleted,
    RunStarted,
    RunFinished,
    Messages,
}

/// Conversations and runs. One for the process, shared by all connections.
pub struct ChatService {
    config: ChatConfig,
    providers: Providers,
    store: Arc<dyn Store>,
    trading: Arc<dyn TradingView>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) runs: Runs,
    pub(super) fleet: Fleet,
    /// Where answers are made: not on the thread of a connection that may end before them.
    pub(super) runtime: Handle,
    draining: AtomicBool,
}

impl ChatService {
    /// Answers are made on the current runtime.
    pub fn new(
        config: ChatConfig,
        store: Arc<dyn Store>,
        fleet: Fleet,
        trading: Arc<dyn TradingView>,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Self>, InvalidProvider> {
        let service = Arc::new(Self {
            providers: Providers::new(&config)?,
            runs: Runs::new(config.log_retention),
            config,
            store,
            trading,
            observer,
            fleet,
            runtime: Handle::current(),
            draining: AtomicBool::new(false),
        });
        service.fleet.serve(&service);
        Ok(service)
    }

    pub async fn list(
        &self,
        user: &UserId,
        cursor: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Page<ConversationSummary>, Problem> {
        let limit = limit_of(limit, DEFAULT_LIMIT)?;
        self.store.list(user, cursor, limit).await.map_err(problem)
    }

    pub async fn rename(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        title: &str,
    ) -> Result<(), Problem> {
        let title = checked_title(title)?;
        let renamed = self.store.rename(user, conversation, title).await;
        renamed.map_err(problem)?;
        self.changed(user, conversation, What::Renamed).await;
        Ok(())
    }

    /// Refuses what is no conversation of this user.
    pub async fn find(&self, user: &UserId, conversation: &ConversationId) -> Result<(), Problem> {
        let found = self.store.open(user, conversation, None, 0).await;
        found.map(|_| ()).map_err(problem)
    }

    pub fn models(&self) -> Vec<Model> {
        self.providers.models()
    }

    pub async fn usage(
        &self,
        user: &UserId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<UsageReport, Problem> {
        let (from, to) = span(from, to)?;
        let records = self.store.usage(user, from, to).await.map_err(problem)?;
        Ok(UsageReport::new(from, to, &records))
    }

    /// Answers being made on this instance.
    pub fn active_count(&self) -> usize {
        self.runs.active_count()
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    pub(super) fn log_retention(&self) -> std::time::Duration {
        self.config.log_retention
    }

    fn stop_beginning(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    async fn changed(&self, user: &UserId, conversation: &ConversationId, what: What) {
        let told = self.observer.conversation_changed(user, conversation, what);
        told.await;
    }
}
