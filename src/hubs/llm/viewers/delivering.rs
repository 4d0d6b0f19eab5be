//! Sends what viewers are to see. One for the process, on a `LocalSet`.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tracing::warn;

use super::Viewers;
use super::feed::{Feed, Sent};
use super::hold::{Hold, Seen};
use crate::chat::{ConversationId, Run, UserId, What};
use crate::eventlog::{Event, Step};
use crate::signalr::hub::HubContext;
use crate::signalr::protocol::{Raw, RawPayload};

const CHAT_EVENT: &str = "ChatEvent";
const CONVERSATION_CHANGED: &str = "ConversationChanged";

pub(super) enum Order {
    Pump(Arc<Feed>),
    LetGo(Hold, Seen),
    Changed(UserId, ConversationId, What),
    Deleted(ConversationId),
}

/// One event as a stream's item or a call's argument.
pub fn payload(event: &Event) -> RawPayload {
    // Bodies are written by serde_json.
    RawPayload::from(Raw::Json(
        std::str::from_utf8(&event.body).unwrap_or("null"),
    ))
}

pub struct Delivering(mpsc::UnboundedReceiver<Order>);

#[derive(Clone)]
struct Sender {
    viewers: Arc<Viewers>,
    context: HubContext,
}

impl Delivering {
    pub(super) fn new(orders: mpsc::UnboundedReceiver<Order>) -> Self {
        Self(orders)
    }

    /// Delivers for ever.
    pub async fn run(mut self, viewers: Arc<Viewers>, context: HubContext) {
        let sender = Sender { viewers, context };
        while let Some(order) = self.0.recv().await {
            let sender = sender.clone();
            match order {
                Order::Pump(feed) => {
                    spawn_local(async move { sender.pump(&feed).await });
                }
                Order::LetGo(hold, seen) => {
                    spawn_local(async move { sender.catch_up(hold, seen).await });
                }
                Order::Changed(user, conversation, what) => {
                    sender.changed(&user, &conversation, what).await;
                }
                Order::Deleted(conversation) => {
                    spawn_local(async move { sender.viewers.forget(&conversation).await });
                }
            }
        }
    }
}

impl Sender {
    /// Sends waiting runs to all, one after the other.
    async fn pump(&self, feed: &Feed) {
        while let Some(run) = feed.next_run() {
            self.pump_run(feed, &run).await;
        }
        self.viewers.forget_if_idle(feed.conversation());
    }

    async fn pump_run(&self, feed: &Feed, run: &Arc<Run>) {
        *feed.sent.lock().await = Sent {
            run: Some(run.ids.run.clone()),
            seq: 0,
        };
        let mut follower = run.follow_all();
        loop {
            match follower.next().await {
                Step::Event(event) => self.send_to_all(feed, run, &event).await,
                Step::Behind => {
                    let (snapshot, position) = run.snapshot().await;
                    follower.jump(position);
                    self.send_to_all(feed, run, &snapshot).await;
                }
                Step::Closed => return,
            }
        }
    }

    async fn send_to_all(&self, feed: &Feed, run: &Run, event: &Event) {
        let mut sent = feed.sent.lock().await;
        let is_gone = |connection: &str| !self.context.is_connected(connection);
        let held = feed.held(&run.ids.run);
        let watchers = &self.viewers.watchers;
        let connections = watchers.of(feed.conversation(), is_gone, &held);
        self.send(&connections, event).await;
        sent.seq = event.seq;
        drop(sent);
        feed.moved();
    }

    /// Sends a connection what it has not seen, then lets it take part.
    async fn catch_up(&self, hold: Hold, seen: Seen) {
        let feed = hold.feed.clone();
        let mut moves = feed.moves();
        // While this is held nothing goes to the others.
        let sent = loop {
            moves.borrow_and_update();
            let sent = feed.sent.lock().await;
            let is_ahead = feed.unseen(&hold, &seen).is_some_and(|(run, after)| {
                after > sent.up_to(&run.ids.run) && feed.is_to_come(&run.ids.run)
            });
            if !is_ahead {
                break sent;
            }
            // It has seen more than the others: they come first.
            drop(sent);
            // The feed has the sender: it cannot be gone.
            let _ = moves.changed().await;
        };
        if let Some((run, after)) = feed.unseen(&hold, &seen) {
            let up_to = sent.up_to(&run.ids.run);
            for event in events_between(&run, after, up_to).await {
                self.send(std::slice::from_ref(&hold.connection), &event)
                    .await;
            }
        }
        if let Some(user) = &seen.join
            && self.context.is_connected(&hold.connection)
        {
            self.viewers
                .join(user, feed.conversation(), &hold.connection);
        }
        drop(hold);
        drop(sent);
    }

    async fn send(&self, connections: &[String], event: &Event) {
        if connections.is_empty() {
            return;
        }
        let clients = self.context.clients().connections(connections);
        let sent = match self.context.prepare(CHAT_EVENT, (payload(event),)) {
            Ok(message) => clients.send_prepared(&message).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            warn!(%error, "an event was not sent");
        }
    }

    async fn changed(&self, user: &UserId, conversation: &ConversationId, what: What) {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Changed<'a> {
            conversation_id: &'a ConversationId,
            change: What,
        }
        let change = Changed {
            conversation_id: conversation,
            change: what,
        };
        let clients = self.context.clients().user(user);
        if let Err(error) = clients.send(CONVERSATION_CHANGED, (change,)).await {
            warn!(conversation_id = %conversation, %error, "a change was not sent");
        }
    }
}

/// The events after `after` up to `up_to`; a snapshot in place of what the log no longer holds.
async fn events_between(run: &Run, after: u64, up_to: u64) -> Vec<Event> {
    if after >= up_to {
        return Vec::new();
    }
    let position = run.position_at(after);
    let events = position.and_then(|position| run.log().after(&position).ok());
    match events {
        Some((events, _)) => {
            let wanted = events.into_iter().filter(|event| event.seq <= up_to);
            wanted.collect()
        }
        None => vec![run.snapshot().await.0],
    }
}
