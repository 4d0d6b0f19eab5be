//! Methods for conversations, models and usage.

use serde_json::Value;

use super::LlmHub;
use super::opened;
use super::request::{OfConversation, Open, PageOf, Rename, Span, read, user};
use super::viewers::Seen;
use crate::chat::{
    ConversationId, ConversationSummary, Model, OpenedConversation, Page, UsageReport,
};
use crate::signalr::hub::{HubCallerContext, HubResult};

impl LlmHub {
    pub(super) async fn open(
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
            join: Some(user),
        };
        self.remember(context, &id);
        let viewers = self.viewers.clone();
        context.after_completion(move || viewers.let_go(hold, seen));
        Ok(opened)
    }

    pub(super) async fn close(&self, context: &HubCallerContext, request: Value) -> HubResult<()> {
        let request: OfConversation = read(request)?;
        let (user, id) = (user(context)?, request.conversation_id);
        // What is open can be closed, whatever has become of it and of the store.
        if !opened::all(context).contains(&id) {
            self.chat.find(&user, &id).await?;
        }
        self.leave(context, &id);
        Ok(())
    }

    pub(super) async fn list(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<Page<ConversationSummary>> {
        let request: PageOf = read(request)?;
        let cursor = request.cursor.as_deref();
        let listed = self.chat.list(&user(context)?, cursor, request.limit).await;
        Ok(listed?)
    }

    pub(super) async fn rename(&self, context: &HubCallerContext, request: Value) -> HubResult<()> {
        let request: Rename = read(request)?;
        let (user, id) = (user(context)?, request.conversation_id);
        Ok(self.chat.rename(&user, &id, &request.title).await?)
    }

    pub(super) async fn delete(&self, context: &HubCallerContext, request: Value) -> HubResult<()> {
        let request: OfConversation = read(request)?;
        let (user, id) = (user(context)?, request.conversation_id);
        self.chat.delete(&user, &id).await?;
        self.leave(context, &id);
        Ok(())
    }

    pub(super) async fn list_models(&self, _: &HubCallerContext) -> HubResult<Vec<Model>> {
        Ok(self.chat.models())
    }

    pub(super) async fn get_usage(
        &self,
        context: &HubCallerContext,
        request: Value,
    ) -> HubResult<UsageReport> {
        let request: Span = read(request)?;
        let (from, to) = (request.from.as_deref(), request.to.as_deref());
        Ok(self.chat.usage(&user(context)?, from, to).await?)
    }

    /// Notes with the connection that it has the conversation open.
    pub(super) fn remember(&self, context: &HubCallerContext, conversation: &ConversationId) {
        if let Some(closed) = opened::add(context, conversation) {
            self.viewers.leave(&closed, context.connection_id());
        }
    }

    fn leave(&self, context: &HubCallerContext, conversation: &ConversationId) {
        opened::remove(context, conversation);
        self.viewers.leave(conversation, context.connection_id());
    }
}
