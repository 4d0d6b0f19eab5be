//! Methods that ask for an answer, or follow or end one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::LlmHub;
use super::following::{Beginning, Following};
use super::opened;
use super::request::{OfRun, PerhapsOfConversation, may_read, read, user};
use super::viewers::{Hold, Seen};
use crate::chat::{CancelState, Edit, NewMessage, Running, Started};
use crate::problem::Problem;
use crate::signalr::hub::{HubCallerContext, HubResult, HubStream};
use crate::signalr::protocol::RawPayload;

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "CancelledRun"))]
pub struct Cancelled {
    state: CancelState,
}

impl LlmHub {
    pub(super) async fn send_message(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<Started> {
        let request: NewMessage = read(request)?;
        let (hold, held) = self.holder(context, Follows::Events);
        let sent = self
            .chat
            .send(user(context)?, may_read(context), request, hold);
        let started = sent.await?;
        self.watch_after_completion(context, &started, held)?;
        Ok(started)
    }

    pub(super) async fn regenerate(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<Started> {
        let mut request: Edit = read(request)?;
        request.content = None;
        self.edit(context, request).await
    }

    pub(super) async fn edit_message(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<Started> {
        let request: Edit = read(request)?;
        if request.content.is_none() {
            return Err(Problem::invalid("content is missing").into());
        }
        self.edit(context, request).await
    }

    async fn edit(&self, context: &HubCallerContext, request: Edit) -> HubResult<Started> {
        let (hold, held) = self.holder(context, Follows::Events);
        let edited = self
            .chat
            .edit(user(context)?, may_read(context), request, hold);
        let started = edited.await?;
        self.watch_after_completion(context, &started, held)?;
        Ok(started)
    }

    pub(super) async fn stream_message(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<HubStream<RawPayload>> {
        let request: NewMessage = read(request)?;
        let user = user(context)?;
        let options = request.how.options.as_ref();
        let cancel_with_stream = options.is_some_and(|options| options.cancel_run_with_stream);
        let (hold, held) = self.holder(context, Follows::Stream);
        let mut beginning = Beginning::new(&self.chat, context, user.clone(), cancel_with_stream);
        let started = beginning.begin(may_read(context), request, hold).await?;
        self.remember(context, &started.conversation_id);
        self.viewers
            .join(&user, &started.conversation_id, context.connection_id());
        let followed = self.chat.follow(&user, &started.run_id, 0).await?;
        let mut following =
            Following::new(&self.chat, &self.viewers, context, user, &started.run_id);
        following.hold(held.take(), started.conversation_id);
        following.cancel_with_stream = cancel_with_stream;
        Ok(following.stream(followed, 0))
    }

    pub(super) async fn resume_run(
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

    pub(super) async fn cancel_run(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<Cancelled> {
        let request: OfRun = read(request)?;
        let user = user(context)?;
        let state = self.chat.cancel(&user, &request.run_id).await?;
        Ok(Cancelled { state })
    }

    pub(super) async fn active_runs(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<Vec<Running>> {
        let request: PerhapsOfConversation = read(request)?;
        let conversation = request.conversation_id.as_ref();
        let user = user(context)?;
        let running = self.chat.active_runs(&user, conversation);
        Ok(running.await?)
    }

    /// What holds the caller back from a run as soon as the run has an id, and where the hold ends up.
    fn holder(
        &self,
        context: &HubCallerContext,
        follows: Follows,
    ) -> (impl FnOnce(&Started) + Send + use<>, Held) {
        let held = Held::default();
        let viewers = self.viewers.clone();
        let (connection, place) = (context.connection_id().to_owned(), held.clone());
        let open = opened::all(context);
        let hold = move |started: &Started| {
            let (conversation, run) = (&started.conversation_id, &started.run_id);
            // A repeated request of a connection that sees the run already.
            let sees_it = open.contains(conversation) && viewers.is_latest(conversation, run);
            if sees_it && follows == Follows::Events {
                return;
            }
            place.put(viewers.hold(conversation, &connection, Some(run.clone())));
        };
        (hold, held)
    }

    /// Opens the conversation for the caller; the run's events follow after the completion.
    fn watch_after_completion(
        &self,
        context: &HubCallerContext,
        started: &Started,
        held: Held,
    ) -> Result<(), Problem> {
        self.remember(context, &started.conversation_id);
        let seen = Seen {
            run: Some((started.run_id.clone(), 0)),
            join: Some(user(context)?),
        };
        let viewers = self.viewers.clone();
        context.after_completion(move || {
            if let Some(hold) = held.take() {
                viewers.let_go(hold, seen);
            }
        });
        Ok(())
    }
}

/// How the caller is told of the run it asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follows {
    /// As everybody who has the conversation open.
    Events,
    Stream,
}

/// A hold on its way from the task that starts a run to the call that waits for it.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Option<Hold>>>);

impl Held {
    fn put(&self, hold: Hold) {
        *self.lock() = Some(hold);
    }

    fn take(&self) -> Option<Hold> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Hold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
