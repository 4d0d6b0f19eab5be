//! `/llmhub`: AI chat.

mod asking;
mod conversations;
mod following;
mod opened;
mod request;
mod viewers;

use std::sync::Arc;

pub use self::viewers::{Delivering, Viewers};

use crate::chat::ChatService;
use crate::signalr::hub::{Hub, HubCallerContext, HubError, HubResult, Methods};

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

    async fn on_disconnected(
        &self,
        context: &HubCallerContext,
        _: Option<&HubError>,
    ) -> HubResult<()> {
        for conversation in opened::all(context) {
            self.viewers.leave(&conversation, context.connection_id());
        }
        Ok(())
    }
}

/// What this hub reads and answers, for the generator of TypeScript.
#[cfg(test)]
pub(super) fn declare(declarations: &mut super::typescript::Declarations) {
    request::declare(declarations);
    declarations.add::<crate::chat::Running>();
    declarations.add::<asking::Cancelled>();
}

impl LlmHub {
    pub fn new(chat: Arc<ChatService>, viewers: Arc<Viewers>) -> Self {
        Self { chat, viewers }
    }
}
