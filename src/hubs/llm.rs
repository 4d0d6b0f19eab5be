//! `/llmhub`: AI chat.

mod following;
mod viewers;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::viewers::{Delivering, Viewers};

use self::following::{Beginning, Following};
use self::viewers::{Seen, group};
use crate::chat::{
    CancelState, ChatService, ConversationId, ConversationSummary, Edit, MessageId, Model,
    NewMessage, OpenedConversation, Page, RunId, Started, Timestamp, UsageReport, UserId,
};
use crate::problem::{Code, Problem};
use crate::signalr::hub::{Hub, HubCallerContext, HubResult, HubStream, Methods};
use crate::signalr::protocol::RawPayload;

/// What .NET senders call this hub.
pub const TYPE_NAME: &str = "Managing.Api.Hubs.LlmHub";

pub struct LlmHub {
    chat: Arc<ChatService>,
    viewers: Arc<Viewers>,
}

impl Hub for LlmHub {
    fn methods(methods: &mut Methods<Self>) {
        methods
            .method("SendMessage", Self::send_message)
            .requires_user();
        methods
            .stream("StreamMessage", Self::stream_message)
            .requires_user();
        methods
            .method("Regenerate", Self::regenerate)
            .requires_user();
        methods
            .method("EditMessage", Self::edit_message)
            .requires_user();
        methods
            .stream("ResumeRun", Self::resume_run)
            .requires_user();
        methods
            .method("CancelRun", Self::cancel_run)
            .requires_user();
        methods
            .method("ActiveRuns", Self::active_runs)
            .requires_user();
        methods
            .method("OpenConversation", Self::open)
            .requires_user();
        methods
            .method("CloseConversation", Self::close)
            .requires_user();
        methods
            .method("ListConversations", Self::list)
            .requires_user();
        methods
            .method("RenameConversation", Self::rename)
            .requires_user();
        methods
            .method("DeleteConversation", Self::delete)
            .requires_user();
        methods
            .method("ListModels", Self::list_models)
            .requires_user();
        methods.method("GetUsage", Self::get_usage).requires_user();
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "RunRequest", optional_fields))]
#[serde(rename_all = "camelCase")]
struct OfRun {
    run_id: RunId,
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<u64>"))]
    after_seq: u64,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ConversationRequest"))]
#[serde(rename_all = "camelCase")]
struct OfConversation {
    conversation_id: ConversationId,
}

#[derive(Deserialize)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(rename = "ActiveRunsRequest", optional_fields)
)]
#[serde(rename_all = "camelCase")]
struct PerhapsOfConversation {
    conversation_id: Option<ConversationId>,
}

#[derive(Deserialize)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(rename = "OpenConversationRequest", optional_fields)
)]
#[serde(rename_all = "camelCase")]
struct Open {
    conversation_id: ConversationId,
    before: Option<MessageId>,
    limit: Option<i64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "PageRequest", optional_fields))]
struct PageOf {
    cursor: Option<String>,
    limit: Option<i64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "RenameConversationRequest"))]
#[serde(rename_all = "camelCase")]
struct Rename {
    conversation_id: ConversationId,
    title: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "UsageRequest", optional_fields))]
struct Span {
    from: Option<String>,
    to: Option<String>,
}

/// A run in progress, as `ActiveRuns` lists it.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "RunningRun"))]
#[serde(rename_all = "camelCase")]
struct Running {
    run_id: RunId,
    conversation_id: ConversationId,
    message_id: MessageId,
    last_seq: u64,
    started_at: Timestamp,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "CancelledRun"))]
struct Cancelled {
    state: CancelState,
}

/// What this hub reads and answers, for the generator of TypeScript.
#[cfg(test)]
pub(super) fn declare(declarations: &mut super::typescript::Declarations) {
    declarations.add::<OfRun>();
    declarations.add::<OfConversation>();
    declarations.add::<PerhapsOfConversation>();
    declarations.add::<Open>();
    declarations.add::<PageOf>();
    declarations.add::<Rename>();
    declarations.add::<Span>();
    declarations.add::<Running>();
    declarations.add::<Cancelled>();
}

impl LlmHub {
    pub fn new(chat: Arc<ChatService>, viewers: Arc<Viewers>) -> Self {
        Self { chat, viewers }
    }

    async fn send_message(&self, context: &HubCallerContext, request: Value) -> HubResult<Started> {
        let request: NewMessage = read(request)?;
        let (hold, held) = self.holder(context);
        let sent = self
            .chat
            .send(user(context)?, may_read(context), request, hold);
        let started = sent.await?;
        self.watch_after_completion(context, &started, held);
        Ok(started)
    }

    async fn regenerate(&self, context: &HubCallerContext, request: Value) -> HubResult<Started> {
        let mut request: Edit = read(request)?;
        request.content = None;
        self.edit(context, request).await
    }

    async fn edit_message(&self, context: &HubCallerContext, request: Value) -> HubResult<Started> {
        let request: Edit = read(request)?;
        if request.content.is_none() {
            return Err(Problem::invalid("content is missing").into());
        }
        self.edit(context, request).await
    }

    async fn edit(&self, context: &HubCallerContext, request: Edit) -> HubResult<Started> {
        let (hold, held) = self.holder(context);
        let edited = self
            .chat
            .edit(user(context)?, may_read(context), request, hold);
        let started = edited.await?;
        self.watch_after_completion(context, &started, held);
        Ok(started)
    }

    async fn stream_message(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<HubStream<RawPayload>> {
        let request: NewMessage = read(request)?;
        let user = user(context)?;
        let options = request.how.options.as_ref();
        let cancel_with_stream = options.is_some_and(|options| options.cancel_run_with_stream);
        let (hold, held) = self.holder(context);
        let mut beginning = Beginning::new(&self.chat, context, user.clone(), cancel_with_stream);
        let started = beginning.begin(may_read(context), request, hold).await?;
        self.join(context, &started.conversation_id).await;
        let followed = self.chat.follow(&user, &started.run_id, 0).await?;
        let mut following =
            Following::new(&self.chat, &self.viewers, context, user, &started.run_id);
        following.hold(held.take(), started.conversation_id);
        following.cancel_with_stream = cancel_with_stream;
        Ok(following.stream(followed, 0))
    }

    async fn resume_run(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<HubStream<RawPayload>> {
        let request: OfRun = read(request)?;
        let user = user(context)?;
        let followed = self.chat.follow(&user, &request.run_id, request.after_seq);
        let followed = followed.await?;
        let mut following =
            Following::new(&self.chat, &self.viewers, context, user, &request.run_id);
        if let Some(run) = &followed.run {
            let conversation = run.ids.conversation.clone();
            let run = Some(request.run_id);
            let hold = self
                .viewers
                .hold(&conversation, context.connection_id(), run);
            following.hold(Some(hold), conversation);
        }
        Ok(following.stream(followed, request.after_seq))
    }

    async fn cancel_run(&self, context: &HubCallerContext, request: Value) -> HubResult<Cancelled> {
        let request: OfRun = read(request)?;
        let state = self.chat.cancel(&user(context)?, &request.run_id).await?;
        Ok(Cancelled { state })
    }

    async fn active_runs(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<Vec<Running>> {
        let request: PerhapsOfConversation = read(request)?;
        let conversation = request.conversation_id.as_ref();
        let runs = self.chat.active_runs(&user(context)?, conversation);
        let running = runs.iter().map(|run| Running {
            run_id: run.ids.run.clone(),
            conversation_id: run.ids.conversation.clone(),
            message_id: run.ids.message.clone(),
            last_seq: run.last_seq(),
            started_at: run.started_at,
        });
        Ok(running.collect())
    }

    async fn open(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<OpenedConversation> {
        let request: Open = read(request)?;
        let (user, id) = (user(context)?, request.conversation_id);
        let before = request.before.as_ref();
        // Held before looking: what happens from here on is sent after the completion.
        let hold = self.viewers.hold(&id, context.connection_id(), None);
        let opened = self.chat.open(&user, &id, before, request.limit).await?;
        let run = opened.active_run.as_ref();
        let seen = Seen {
            run: run.map(|run| (run.run_id.clone(), run.last_seq)),
            join: true,
        };
        remember(context, &id);
        let viewers = self.viewers.clone();
        context.after_completion(move || viewers.let_go(hold, seen));
        Ok(opened)
    }

    async fn close(&self, context: &HubCallerContext, request: Value) -> HubResult<()> {
        let request: OfConversation = read(request)?;
        leave(context, &request.conversation_id).await;
        Ok(())
    }

    async fn list(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<Page<ConversationSummary>> {
        let request: PageOf = read(request)?;
        let cursor = request.cursor.as_deref();
        Ok(self
            .chat
            .list(&user(context)?, cursor, request.limit)
            .await?)
    }

    async fn rename(&self, context: &HubCallerContext, request: Value) -> HubResult<()> {
        let request: Rename = read(request)?;
        let (user, id) = (user(context)?, request.conversation_id);
        Ok(self.chat.rename(&user, &id, &request.title).await?)
    }

    async fn delete(&self, context: &HubCallerContext, request: Value) -> HubResult<()> {
        let request: OfConversation = read(request)?;
        let (user, id) = (user(context)?, request.conversation_id);
        self.chat.delete(&user, &id).await?;
        leave(context, &id).await;
        Ok(())
    }

    async fn list_models(&self, _: &HubCallerContext) -> HubResult<Vec<Model>> {
        Ok(self.chat.models())
    }

    async fn get_usage(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<UsageReport> {
        let request: Span = read(request)?;
        let (from, to) = (request.from.as_deref(), request.to.as_deref());
        Ok(self.chat.usage(&user(context)?, from, to).await?)
    }

    /// What holds the caller back from a run as soon as the run has an id, and where the hold ends up.
    fn holder(&self, context: &HubCallerContext) -> (impl FnOnce(&Started) + Send + use<>, Held) {
        let held = Held::default();
        let viewers = self.viewers.clone();
        let (connection, place) = (context.connection_id().to_owned(), held.clone());
        let open = open_conversations(context);
        let hold = move |started: &Started| {
            let (conversation, run) = (&started.conversation_id, &started.run_id);
            // A repeated request of a connection that sees the run already.
            if open.contains(conversation) && viewers.is_latest(conversation, run) {
                return;
            }
            place.put(viewers.hold(conversation, &connection, Some(run.clone())));
        };
        (hold, held)
    }

    /// Opens the conversation for the caller; the run's events follow after the completion.
    fn watch_after_completion(&self, context: &HubCallerContext, started: &Started, held: Held) {
        remember(context, &started.conversation_id);
        let seen = Seen {
            run: Some((started.run_id.clone(), 0)),
            join: true,
        };
        let viewers = self.viewers.clone();
        context.after_completion(move || {
            if let Some(hold) = held.take() {
                viewers.let_go(hold, seen);
            }
        });
    }

    async fn join(&self, context: &HubCallerContext, conversation: &ConversationId) {
        remember(context, conversation);
        let (groups, group) = (context.groups(), group(conversation));
        // Fails only when the caller has gone, and then nobody is missing anything.
        let _ = groups.add(context.connection_id(), &group).await;
    }
}

/// A hold on its way from the task that starts a run to the call that waits for it.
#[derive(Clone, Default)]
struct Held(Arc<std::sync::Mutex<Option<viewers::Hold>>>);

impl Held {
    fn put(&self, hold: viewers::Hold) {
        *self.lock() = Some(hold);
    }

    fn take(&self) -> Option<viewers::Hold> {
        self.lock().take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<viewers::Hold>> {
        let locked = self.0.lock();
        locked.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The connection's item that lists which conversations it has open.
const OPEN: &str = "open";

fn open_conversations(context: &HubCallerContext) -> Vec<ConversationId> {
    context.items().get(OPEN).unwrap_or_default()
}

/// Notes with the connection that it has the conversation open.
fn remember(context: &HubCallerContext, conversation: &ConversationId) {
    let mut open = open_conversations(context);
    if !open.contains(conversation) {
        open.push(conversation.clone());
        context.items().set(OPEN, &open);
    }
}

async fn leave(context: &HubCallerContext, conversation: &ConversationId) {
    let mut open = open_conversations(context);
    open.retain(|other| other != conversation);
    context.items().set(OPEN, &open);
    let (groups, group) = (context.groups(), group(conversation));
    // Fails only when the caller has gone, who then is in no group.
    let _ = groups.remove(context.connection_id(), &group).await;
}

/// What a client sent, as what the method takes; anything else is `invalid_request`.
fn read<T: DeserializeOwned>(request: Value) -> Result<T, Problem> {
    let request = match request {
        Value::Null => Value::Object(serde_json::Map::new()),
        Value::Object(_) => request,
        _ => return Err(Problem::invalid("the argument must be an object")),
    };
    T::deserialize(request).map_err(|error| Problem::invalid(error.to_string()))
}

fn user(context: &HubCallerContext) -> Result<UserId, Problem> {
    let id = context.user_id();
    id.map(UserId::from)
        .ok_or_else(|| Problem::new(Code::Unauthorized, "chat needs a user"))
}

/// Who may not read bots and backtests does not learn of them through chat either.
fn may_read(context: &HubCallerContext) -> bool {
    context.user().is_some_and(|user| user.has_role("viewer"))
}
