//! A run seen through a stream: what happens when the stream ends early.

use std::sync::Arc;

use async_stream::stream;
use futures_util::StreamExt;

use super::open_conversations;
use super::viewers::{Hold, Seen, Viewers, payload};
use crate::chat::{ChatService, ConversationId, Followed, RunId, UserId};
use crate::signalr::hub::{HubCallerContext, HubStream};
use crate::signalr::protocol::RawPayload;

/// While it lives its connection gets the run's events by the stream only.
pub struct Following {
    chat: Arc<ChatService>,
    viewers: Arc<Viewers>,
    context: HubCallerContext,
    user: UserId,
    run: RunId,
    hold: Option<(Hold, ConversationId)>,
    /// The last event that surely left by the stream.
    seen: u64,
    finished: bool,
    pub cancel_with_stream: bool,
}

impl Following {
    pub fn new(
        chat: &Arc<ChatService>,
        viewers: &Arc<Viewers>,
        context: &HubCallerContext,
        user: UserId,
        run: &RunId,
    ) -> Self {
        Self {
            chat: chat.clone(),
            viewers: viewers.clone(),
            context: context.clone(),
            user,
            run: run.clone(),
            hold: None,
            seen: 0,
            finished: false,
            cancel_with_stream: false,
        }
    }

    pub fn hold(&mut self, hold: Option<Hold>, conversation: ConversationId) {
        self.hold = hold.map(|hold| (hold, conversation));
    }

    /// The run's events as a stream's items.
    pub fn stream(mut self, followed: Followed, after_seq: u64) -> HubStream<RawPayload> {
        self.seen = after_seq;
        let mut events = followed.events;
        HubStream::new(stream! {
            let mut following = self;
            while let Some(event) = events.next().await {
                yield Ok(payload(&event));
                // Asked for the next one: this one was taken.
                following.seen = event.seq;
            }
            following.finished = true;
        })
    }
}

impl Drop for Following {
    /// Cancelling a stream detaches: if the connection has the conversation open, the rest of the
    /// run follows as `ChatEvent`s.
    fn drop(&mut self) {
        if self.context.is_aborted() {
            return;
        }
        if self.finished {
            if let Some((hold, _)) = self.hold.take() {
                hold.end_with_run();
            }
            return;
        }
        if self.cancel_with_stream {
            let (chat, user, run) = (self.chat.clone(), self.user.clone(), self.run.clone());
            // No runtime: the process ends, and the run with it.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                // An unknown run cannot be: it was just followed.
                runtime.spawn(async move { chat.cancel(&user, &run).await });
            }
        }
        if let Some((hold, conversation)) = self.hold.take()
            && open_conversations(&self.context).contains(&conversation)
        {
            let run = Some((self.run.clone(), self.seen));
            self.viewers.let_go(hold, Seen { run, join: false });
        }
    }
}
