//! What a hub calls: one method for each thing a user can do with conversations and runs.

use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::message::title_of;
use super::producer::Producer;
use super::provider::{InvalidProvider, Prompt, PromptMessage, Provider, Providers};
use super::run::retell;
use super::runs::Runs;
use super::store::{Begun, Change, Store, StoreError, Turn};
use super::usage::{UsageReport, span};
use super::{
    ActiveRun, CancelState, ChatConfig, ClientMessageId, ConversationId, ConversationSummary,
    Message, MessageId, Model, Options, Page, Role, Run, RunId, Started, Timestamp, TradingView,
    UserId,
};
use crate::eventlog::Event;
use crate::problem::{Code, Problem};

/// The longest message, in characters.
const LONGEST_CONTENT: usize = 200_000;
/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;
const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 200;
/// Runs at the same time on this instance.
const MOST_RUNS: usize = 10_000;

/// What chat tells whoever shows it to people.
pub trait Observer: Send + Sync {
    /// A run is about to be produced; its log is still empty.
    fn run_started(&self, run: &Arc<Run>);

    fn conversation_changed<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        what: What,
    ) -> BoxFuture<'a, ()>;
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

/// `SendMessage` and `StreamMessage`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    pub conversation_id: Option<ConversationId>,
    pub content: String,
    #[serde(flatten)]
    pub how: How,
}

/// `Regenerate` (without `content`) and `EditMessage`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    pub conversation_id: ConversationId,
    pub message_id: MessageId,
    pub content: Option<String>,
    #[serde(flatten)]
    pub how: How,
}

/// How an answer is to be made.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct How {
    pub model: Option<String>,
    pub client_message_id: Option<ClientMessageId>,
    pub options: Option<Options>,
}

/// A conversation as a tab shows it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OpenedConversation {
    pub conversation_id: ConversationId,
    pub title: String,
    pub messages: Vec<Message>,
    pub active_run: Option<ActiveRun>,
}

/// What a run says from some point on, and the run itself if its log is still here.
pub struct Followed {
    pub run: Option<Arc<Run>>,
    pub events: BoxStream<'static, Event>,
}

/// Conversations and runs. One for the process, shared by all connections.
pub struct ChatService {
    config: ChatConfig,
    providers: Providers,
    store: Arc<dyn Store>,
    trading: Arc<dyn TradingView>,
    observer: Arc<dyn Observer>,
    runs: Runs,
    /// Where answers are made: not on the thread of a connection that may end before them.
    runtime: Handle,
}

impl ChatService {
    /// Answers are made on the current runtime.
    pub fn new(
        config: ChatConfig,
        store: Arc<dyn Store>,
        trading: Arc<dyn TradingView>,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Self>, InvalidProvider> {
        Ok(Arc::new(Self {
            providers: Providers::new(&config)?,
            runs: Runs::new(config.log_retention),
            config,
            store,
            trading,
            observer,
            runtime: Handle::current(),
        }))
    }

    /// Adds a user's message and starts the answer. `begun` runs before the answer's first event.
    pub async fn send(
        self: &Arc<Self>,
        user: UserId,
        may_read_trading: bool,
        request: NewMessage,
        begun: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let content = checked_content(request.content)?;
        let key = request.how.key(&(
            "send",
            request.conversation_id.as_deref(),
            None::<&str>,
            Some(&*content),
        ));
        let change = match request.conversation_id {
            None => Change::Create {
                conversation: ConversationId::random(),
                title: title_of(&content),
                message: MessageId::random(),
                content,
            },
            Some(conversation) => Change::Append {
                conversation,
                message: MessageId::random(),
                content,
            },
        };
        self.start(user, may_read_trading, change, key, request.how, begun)
            .await
    }

    /// Answers a user's message once more, the message changed if the request has a `content`.
    pub async fn edit(
        self: &Arc<Self>,
        user: UserId,
        may_read_trading: bool,
        request: Edit,
        begun: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let content = request.content.map(checked_content).transpose()?;
        let key = request.how.key(&(
            "edit",
            Some(&*request.conversation_id),
            Some(&*request.message_id),
            content.as_deref(),
        ));
        let (conversation, message) = (request.conversation_id, request.message_id);
        let change = match content {
            None => Change::Regenerate {
                conversation,
                message,
            },
            Some(content) => Change::Edit {
                conversation,
                message,
                content,
            },
        };
        self.start(user, may_read_trading, change, key, request.how, begun)
            .await
    }

    async fn start(
        self: &Arc<Self>,
        user: UserId,
        may_read_trading: bool,
        change: Change,
        key: Option<(ClientMessageId, u64)>,
        how: How,
        begun: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let model = how.model.filter(|model| !model.is_empty());
        let model = model.unwrap_or_else(|| self.providers.default_model().to_owned());
        let providers = self.providers.for_model(&model);
        if providers.is_empty() {
            return Err(Problem::invalid("no provider knows this model"));
        }
        let options = how.options.unwrap_or_default();
        check_options(&options)?;
        if self.runs.active_count() >= MOST_RUNS {
            let problem = Problem::new(Code::RateLimited, "too many answers are being made");
            return Err(problem.with("retryAfterMs", 5_000));
        }
        let turn = Turn {
            user,
            change,
            key,
            run_id: RunId::random(),
            message_id: MessageId::random(),
            at: Timestamp::now(),
        };
        let order = Order {
            model,
            providers,
            options,
            may_read_trading,
        };
        // On its own: what is claimed must be produced even if the caller's connection ends now.
        let begun = self.clone().begin(turn, order, begun);
        self.runtime
            .spawn(begun)
            .await
            .unwrap_or_else(|_| Err(interrupted()))
    }

    async fn begin(
        self: Arc<Self>,
        turn: Turn,
        order: Order,
        announce: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let (started, history) = match self.store.begin_turn(&turn).await.map_err(problem)? {
            Begun::New { started, history } => (started, history),
            Begun::Repeated(started) => {
                announce(&started);
                return Ok(started);
            }
        };
        let run = Run::new(turn.user.clone(), &started, order.model.clone(), turn.at);
        self.runs.add(&run);
        announce(&started);
        self.observer.run_started(&run);
        let prompt = self.prompt(&order, history);
        self.runtime
            .spawn(Arc::clone(&self).produce(run, order.providers, prompt));
        let created = matches!(turn.change, Change::Create { .. });
        let changes = match created {
            true => [What::Created, What::RunStarted],
            false => [What::Messages, What::RunStarted],
        };
        for what in changes {
            self.changed(&turn.user, &started.conversation_id, what)
                .await;
        }
        Ok(started)
    }

    fn prompt(&self, order: &Order, history: Vec<(Role, Arc<str>)>) -> Prompt {
        let mut messages = Vec::with_capacity(history.len() + 1);
        if !self.config.system_prompt.is_empty() {
            messages.push(PromptMessage::System(
                self.config.system_prompt.as_str().into(),
            ));
        }
        messages.extend(history.into_iter().map(|(role, content)| match role {
            Role::User => PromptMessage::User(content),
            Role::Assistant => PromptMessage::Assistant {
                content,
                tool_calls: Vec::new(),
            },
        }));
        Prompt {
            model: order.model.clone(),
            messages,
            options: order.options.clone(),
            trading: order.may_read_trading.then(|| self.trading.clone()),
        }
    }

    async fn produce(
        self: Arc<Self>,
        run: Arc<Run>,
        providers: Vec<Arc<dyn Provider>>,
        prompt: Prompt,
    ) {
        let producer = Producer::new(&self.config, self.store.as_ref(), run.clone(), providers);
        // Whatever happens, a run that began also ends.
        let produced = AssertUnwindSafe(producer.produce(prompt))
            .catch_unwind()
            .await;
        if produced.is_err() {
            tracing::error!(run_id = %run.ids.run, "the making of an answer panicked");
            Producer::new(&self.config, self.store.as_ref(), run.clone(), Vec::new())
                .give_up()
                .await;
        }
        self.runs.ended(&run);
        self.changed(&run.user, &run.ids.conversation, What::RunFinished)
            .await;
    }

    /// Everything a run says after `after_seq`, then what comes, to its end.
    pub async fn follow(
        &self,
        user: &UserId,
        run_id: &RunId,
        after_seq: u64,
    ) -> Result<Followed, Problem> {
        if let Some(run) = self.runs.get(user, run_id) {
            let events = run.follow(after_seq).boxed();
            return Ok(Followed {
                run: Some(run),
                events,
            });
        }
        let answer = self.store.answer_of(user, run_id).await;
        let (conversation, answer) = answer.map_err(problem)?;
        let events = retell(conversation, run_id.clone(), &answer, after_seq);
        Ok(Followed {
            run: None,
            events: stream::iter(events).boxed(),
        })
    }

    pub async fn cancel(&self, user: &UserId, run_id: &RunId) -> Result<CancelState, Problem> {
        if let Some(run) = self.runs.get(user, run_id) {
            return Ok(run.cancel().await);
        }
        let answer = self.store.answer_of(user, run_id).await;
        let (_, answer) = answer.map_err(problem)?;
        Ok(match answer.finish_reason {
            Some(super::FinishReason::Cancelled) => CancelState::Cancelled,
            _ => CancelState::Finished,
        })
    }

    /// The user's runs in progress, the oldest first.
    pub fn active_runs(&self, user: &UserId, of: Option<&ConversationId>) -> Vec<Arc<Run>> {
        let mut runs = self.runs.active_of(user);
        runs.retain(|run| !run.is_finished() && of.is_none_or(|of| run.ids.conversation == *of));
        runs
    }

    pub async fn open(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        before: Option<&MessageId>,
        limit: Option<i64>,
    ) -> Result<OpenedConversation, Problem> {
        let limit = limit_of(limit, LARGEST_LIMIT)?;
        // A run that ends between the two looks is looked at again: its message is there then.
        for _ in 0..10 {
            let opened = self.store.open(user, conversation, before, limit).await;
            let opened = opened.map_err(problem)?;
            let run = opened.active_run.as_ref();
            let run = run.map(|run| self.runs.get(user, run).and_then(|run| run.active()));
            if matches!(run, Some(None)) {
                tokio::task::yield_now().await;
                continue;
            }
            return Ok(OpenedConversation {
                conversation_id: conversation.clone(),
                title: opened.title,
                messages: opened.messages,
                active_run: run.flatten(),
            });
        }
        Err(problem(StoreError::Unavailable))
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
        let title = title.trim();
        if title.is_empty() || title.chars().count() > LONGEST_TITLE {
            return Err(Problem::invalid("a title has 1 to 200 characters"));
        }
        let renamed = self.store.rename(user, conversation, title).await;
        renamed.map_err(problem)?;
        self.changed(user, conversation, What::Renamed).await;
        Ok(())
    }

    /// Deletes a conversation; its run is cancelled first.
    pub async fn delete(
        &self,
        user: &UserId,
        conversation: &ConversationId,
    ) -> Result<(), Problem> {
        loop {
            match self.store.delete(user, conversation).await {
                Err(StoreError::RunActive(run)) => match self.runs.get(user, &run) {
                    Some(run) if run.cancel().await == CancelState::Cancelling => {
                        return Err(problem(StoreError::RunActive(run.ids.run.clone())));
                    }
                    _ => tokio::task::yield_now().await,
                },
                other => {
                    other.map_err(problem)?;
                    self.changed(user, conversation, What::Deleted).await;
                    return Ok(());
                }
            }
        }
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

    /// Lets running answers finish, and interrupts those that have not by then.
    pub async fn drain(&self, grace: Duration) {
        let all_ended = async {
            for run in self.runs.active() {
                run.ended().await;
            }
        };
        if tokio::time::timeout(grace, all_ended).await.is_ok() {
            return;
        }
        let late = self.runs.active();
        late.iter().for_each(|run| run.interrupt());
        for run in late {
            let _ = tokio::time::timeout(Duration::from_secs(1), run.ended()).await;
        }
    }

    async fn changed(&self, user: &UserId, conversation: &ConversationId, what: What) {
        let told = self.observer.conversation_changed(user, conversation, what);
        told.await;
    }
}

/// An answer that was asked for.
struct Order {
    model: String,
    providers: Vec<Arc<dyn Provider>>,
    options: Options,
    may_read_trading: bool,
}

impl How {
    /// The client's name for the request, with what it asked for.
    fn key(&self, asked: &impl Hash) -> Option<(ClientMessageId, u64)> {
        // Fixed keys: the same request has the same fingerprint on every instance.
        let hash = ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(asked);
        Some((self.client_message_id.clone()?, hash))
    }
}

fn checked_content(content: String) -> Result<Arc<str>, Problem> {
    if content.trim().is_empty() {
        return Err(Problem::invalid("content is empty"));
    }
    if content.len() > LONGEST_CONTENT && content.chars().count() > LONGEST_CONTENT {
        return Err(Problem::invalid("content has more than 200,000 characters"));
    }
    Ok(content.into())
}

fn check_options(options: &Options) -> Result<(), Problem> {
    let within = |value: Option<f64>, most: f64| value.is_none_or(|it| (0.0..=most).contains(&it));
    if !within(options.temperature, 2.0) {
        return Err(Problem::invalid("options.temperature is between 0 and 2"));
    }
    if !within(options.top_p, 1.0) {
        return Err(Problem::invalid("options.topP is between 0 and 1"));
    }
    if options.max_tokens == Some(0) {
        return Err(Problem::invalid("options.maxTokens is at least 1"));
    }
    Ok(())
}

fn limit_of(limit: Option<i64>, default: usize) -> Result<usize, Problem> {
    match limit {
        None => Ok(default),
        Some(limit) if limit >= 1 => Ok(usize::try_from(limit)
            .unwrap_or(LARGEST_LIMIT)
            .min(LARGEST_LIMIT)),
        Some(_) => Err(Problem::invalid("limit is at least 1")),
    }
}

fn interrupted() -> Problem {
    Problem::new(Code::Interrupted, "the server is stopping")
}

fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound => Problem::not_found("there is no such thing"),
        StoreError::RunActive(run) => {
            let message = "the conversation is being answered";
            Problem::new(Code::RunActive, message).with("runId", &*run)
        }
        StoreError::KeyConflict => {
            let message = "this clientMessageId was used for another message";
            Problem::new(Code::IdempotencyConflict, message)
        }
        StoreError::Invalid(reason) => Problem::invalid(reason),
        StoreError::Unavailable => {
            Problem::new(Code::StoreUnavailable, "the store does not answer")
        }
    }
}
