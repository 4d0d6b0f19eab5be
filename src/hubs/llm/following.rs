//! A run seen through a stream: what happens when the stream ends early.

use std::sync::Arc;

use async_stream::stream;
use futures_util::StreamExt;
use tokio::task::JoinHandle;

use super::opened;
use super::viewers::{Hold, Seen, Viewers, payload};
use crate::chat::{ChatService, ConversationId, Followed, NewMessage, RunId, Started, UserId};
use crate::problem::{Code, Problem};
use crate::signalr::hub::{HubCallerContext, HubStream};
use crate::signalr::protocol::RawPayload;

/// A run that is being started for a stream. The stream may be cancelled before there is one.
pub struct Beginning {
    chat: Arc<ChatService>,
    context: HubCallerContext,
    user: UserId,
    cancel_with_stream: bool,
    starting: Option<JoinHandle<Result<Started, Problem>>>,
}

impl Beginning {
    pub fn new(
        chat: &Arc<ChatService>,
        context: &HubCallerContext,
        user: UserId,
        cancel_with_stream: bool,
    ) -> Self {
        Self {
            chat: chat.clone(),
            context: context.clone(),
            user,
            cancel_with_stream,
            starting: None,
        }
    }

    /// Sends the message; `hold` as in [`ChatService::send`].
    pub async fn begin(
        &mut self,
        may_read_trading: bool,
        request: NewMessage,
        hold: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let (chat, user) = (self.chat.clone(), self.user.clone());
        let starting = async move { chat.send(user, may_read_trading, request, hold).await };
        let starting = self.starting.insert(tokio::spawn(starting));
        let started = starting.await;
        self.starting = None;
        started.unwrap_or_else(|_| Err(Problem::new(Code::Interrupted, "the server is stopping")))
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let Some(starting) = self.starting.take() else {
            return;
        };
        if self.cancel_with_stream && !self.context.is_aborted() {
            let (chat, user) = (self.chat.clone(), self.user.clone());
            in_background(async move {
                if let Ok(Ok(started)) = starting.await {
                    let _ = chat.cancel(&user, &started.run_id).await;
                }
            });
        }
    }
}

/// Without a runtime the process ends, and everything with it.
fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}

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
            in_background(async move {
                // An unknown run cannot be: it was just followed.
                let _ = chat.cancel(&user, &run).await;
            });
        }
        if let Some((hold, conversation)) = self.hold.take()
            && opened::all(&self.context).contains(&conversation)
        {
            let run = Some((self.run.clone(), self.seen));
            self.viewers.let_go(hold, Seen { run, join: None });
        }
    }
}
