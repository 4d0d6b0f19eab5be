//! Who sees a conversation's `ChatEvent`s, and from which event on.
//!
//! A connection that has a conversation open is in the conversation's group. Its events go to the
//! group by one task, the [`Delivering`], which sends the runs of a conversation one after the other
//! and knows how far it came. A connection that follows a run by a stream, or still waits for an
//! answer, is *held*: the group's sends leave it out. When it is let go, the same task first sends
//! it what it has not seen. So whoever opens a conversation gets its events from there on without a
//! hole and without a double, and after the answer to its call.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tracing::warn;

use crate::chat::{ConversationId, Observer, Run, RunId, UserId, What};
use crate::eventlog::{Event, Step};
use crate::signalr::hub::{ClientProxy, HubContext};
use crate::signalr::protocol::{Raw, RawPayload};

const CHAT_EVENT: &str = "ChatEvent";
const CONVERSATION_CHANGED: &str = "ConversationChanged";

/// The group of the connections that have a conversation open.
pub fn group(conversation: &ConversationId) -> String {
    format!("conversation:{conversation}")
}

/// One event as a stream's item or a call's argument.
pub fn payload(event: &Event) -> RawPayload {
    // Bodies are written by serde_json.
    RawPayload::from(Raw::Json(
        std::str::from_utf8(&event.body).unwrap_or("null"),
    ))
}

/// The viewers of all conversations. What is to be sent goes to [`Delivering`] in order; its queue
/// holds at most a few entries for each call and run in progress.
pub struct Viewers {
    feeds: DashMap<ConversationId, Arc<Feed>, ahash::RandomState>,
    orders: mpsc::UnboundedSender<Order>,
}

enum Order {
    Pump(Arc<Feed>),
    LetGo(Hold, Seen),
    Changed(UserId, ConversationId, What),
}

/// What a held connection has seen of its conversation.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The run it knows, and that run's last event it has.
    pub run: Option<(RunId, u64)>,
    /// Whether it wants the conversation's events from now on.
    pub join: bool,
}

/// One conversation as long as somebody is sent its events or waits for them.
struct Feed {
    conversation: ConversationId,
    state: Mutex<FeedState>,
    /// How far the latest run's events were sent to the group. Taken for the time of sending.
    sent: tokio::sync::Mutex<Sent>,
}

#[derive(Default)]
struct FeedState {
    waiting: VecDeque<Arc<Run>>,
    /// The run whose events are being sent.
    current: Option<Arc<Run>>,
    pumping: bool,
    latest: Option<Arc<Run>>,
    /// Who is left out, of one run or of all.
    held: HashMap<(String, Option<RunId>), usize>,
    /// Holds that end when the current run's last event was sent.
    ending: Vec<(String, Option<RunId>)>,
}

#[derive(Default)]
struct Sent {
    run: Option<RunId>,
    seq: u64,
}

/// Keeps one connection from getting events by the group; dropped, it ends silently.
pub struct Hold {
    viewers: Arc<Viewers>,
    feed: Arc<Feed>,
    connection: String,
    run: Option<RunId>,
    /// The run that was the latest when the hold began.
    latest: Option<RunId>,
    with_run: bool,
}

impl Viewers {
    pub fn new() -> (Arc<Self>, Delivering) {
        let (orders, receiver) = mpsc::unbounded_channel();
        let viewers = Arc::new(Self {
            feeds: DashMap::default(),
            orders,
        });
        (viewers, Delivering(receiver))
    }

    /// Leaves a connection out of one run's events, or of all, until the hold ends.
    pub fn hold(
        self: &Arc<Self>,
        conversation: &ConversationId,
        connection: &str,
        run: Option<RunId>,
    ) -> Hold {
        let key = (connection.to_owned(), run.clone());
        let (feed, latest) = self.with_feed(conversation, |feed| {
            let mut state = feed.lock();
            *state.held.entry(key).or_default() += 1;
            let latest = state.latest.as_ref().map(|run| run.ids.run.clone());
            (feed.clone(), latest)
        });
        Hold {
            viewers: self.clone(),
            feed,
            connection: connection.to_owned(),
            run,
            latest,
            with_run: false,
        }
    }

    /// Ends a hold: the connection first gets what it has not seen.
    pub fn let_go(&self, hold: Hold, seen: Seen) {
        self.order(Order::LetGo(hold, seen));
    }

    /// Whether viewers are being sent this very run.
    pub fn is_latest(&self, conversation: &ConversationId, run: &RunId) -> bool {
        let feed = self.feeds.get(conversation);
        feed.is_some_and(|feed| {
            let latest = &feed.lock().latest;
            latest.as_ref().is_some_and(|latest| latest.ids.run == *run)
        })
    }

    /// Takes a feed while nobody can forget it.
    fn with_feed<R>(&self, id: &ConversationId, take: impl FnOnce(&Arc<Feed>) -> R) -> R {
        let new = || {
            Arc::new(Feed {
                conversation: id.clone(),
                state: Mutex::default(),
                sent: tokio::sync::Mutex::default(),
            })
        };
        take(&self.feeds.entry(id.clone()).or_insert_with(new))
    }

    fn forget_if_idle(&self, conversation: &ConversationId) {
        self.feeds.remove_if(conversation, |_, feed| {
            // Others take a feed only through this map, whose lock we have.
            let state = feed.lock();
            state.held.is_empty() && !state.pumping
        });
    }

    fn order(&self, order: Order) {
        // Nobody listens any more when the server has stopped.
        let _ = self.orders.send(order);
    }
}

impl Observer for Viewers {
    fn run_started(&self, run: &Arc<Run>) {
        let begin = self.with_feed(&run.ids.conversation, |feed| {
            let mut state = feed.lock();
            state.waiting.push_back(run.clone());
            state.latest = Some(run.clone());
            let is_idle = !std::mem::replace(&mut state.pumping, true);
            is_idle.then(|| feed.clone())
        });
        if let Some(feed) = begin {
            self.order(Order::Pump(feed));
        }
    }

    fn conversation_changed<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        what: What,
    ) -> BoxFuture<'a, ()> {
        self.order(Order::Changed(user.clone(), conversation.clone(), what));
        Box::pin(std::future::ready(()))
    }
}

impl Hold {
    /// The connection has seen the whole run: it is left out until the group has, too.
    pub fn end_with_run(mut self) {
        self.with_run = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let key = (std::mem::take(&mut self.connection), self.run.take());
        let mut state = self.feed.lock();
        let to_come = key.1.as_ref().is_some_and(|run| state.is_to_come(run));
        if self.with_run && to_come {
            state.ending.push(key);
        } else {
            state.release(&key);
        }
        drop(state);
        self.viewers.forget_if_idle(&self.feed.conversation);
    }
}

/// Sends what viewers are to see. One for the process, on a `LocalSet`.
pub struct Delivering(mpsc::UnboundedReceiver<Order>);

impl Delivering {
    /// Delivers for ever.
    pub async fn run(mut self, viewers: Arc<Viewers>, context: HubContext) {
        while let Some(order) = self.0.recv().await {
            match order {
                Order::Pump(feed) => {
                    let (viewers, context) = (viewers.clone(), context.clone());
                    spawn_local(async move {
                        feed.pump(&context).await;
                        viewers.forget_if_idle(&feed.conversation);
                    });
                }
                Order::LetGo(hold, seen) => {
                    let context = context.clone();
                    spawn_local(async move { catch_up(hold, seen, &context).await });
                }
                Order::Changed(user, conversation, what) => {
                    changed(&context, &user, &conversation, what).await;
                }
            }
        }
    }
}

async fn changed(context: &HubContext, user: &UserId, conversation: &ConversationId, what: What) {
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
    let clients = context.clients().user(user);
    if let Err(error) = clients.send(CONVERSATION_CHANGED, (change,)).await {
        warn!(conversation_id = %conversation, %error, "a change was not sent");
    }
}

/// Sends a connection what it has not seen, then lets it take part.
async fn catch_up(hold: Hold, seen: Seen, context: &HubContext) {
    let feed = hold.feed.clone();
    // Nothing goes to the group meanwhile.
    let sent = feed.sent.lock().await;
    for (run, after) in feed.unseen(&hold, &seen) {
        let up_to = match sent.run.as_ref() {
            Some(id) if *id == run.ids.run => sent.seq,
            // It waits for its turn.
            _ => 0,
        };
        let connection = || {
            context
                .clients()
                .connections(std::slice::from_ref(&hold.connection))
        };
        for event in events_between(&run, after, up_to) {
            send(context, connection(), &event).await;
        }
    }
    if seen.join {
        let group = group(&feed.conversation);
        // A connection that is gone needs no group any more.
        let _ = context.groups().add(&hold.connection, &group).await;
    }
    drop(hold);
    drop(sent);
}

/// The events after `after` up to `up_to`; a snapshot in place of what the log no longer holds.
fn events_between(run: &Run, after: u64, up_to: u64) -> Vec<Event> {
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
        None => vec![run.snapshot().0],
    }
}

async fn send(context: &HubContext, clients: ClientProxy, event: &Event) {
    let sent = match context.prepare(CHAT_EVENT, (payload(event),)) {
        Ok(message) => clients.send_prepared(&message).await,
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        warn!(%error, "an event was not sent");
    }
}

impl FeedState {
    /// Whether the group has still to see the run's end.
    fn is_to_come(&self, run: &RunId) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.ids.run == *run) || self.is_waiting(run)
    }

    fn is_waiting(&self, run: &RunId) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|waiting| waiting.ids.run == *run)
    }

    fn release(&mut self, key: &(String, Option<RunId>)) {
        if let Some(count) = self.held.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(key);
            }
        }
    }
}

impl Feed {
    /// Sends waiting runs to the group, one after the other.
    async fn pump(&self, context: &HubContext) {
        while let Some(run) = self.next_run() {
            self.pump_run(&run, context).await;
        }
    }

    fn next_run(&self) -> Option<Arc<Run>> {
        let mut state = self.lock();
        for key in std::mem::take(&mut state.ending) {
            match key.1.as_ref().is_some_and(|run| state.is_waiting(run)) {
                true => state.ending.push(key),
                false => state.release(&key),
            }
        }
        state.current = state.waiting.pop_front();
        state.pumping = state.current.is_some();
        state.current.clone()
    }

    async fn pump_run(&self, run: &Arc<Run>, context: &HubContext) {
        *self.sent.lock().await = Sent {
            run: Some(run.ids.run.clone()),
            seq: 0,
        };
        let mut follower = run.log().follow(run.beginning());
        loop {
            match follower.next().await {
                Step::Event(event) => self.send_to_group(run, &event, context).await,
                Step::Behind => {
                    let (snapshot, position) = run.snapshot();
                    follower.jump(position);
                    self.send_to_group(run, &snapshot, context).await;
                }
                Step::Closed => return,
            }
        }
    }

    async fn send_to_group(&self, run: &Run, event: &Event, context: &HubContext) {
        let mut sent = self.sent.lock().await;
        let held = self.held(&run.ids.run);
        let group = group(&self.conversation);
        let clients = context.clients().group_except(&group, &held);
        send(context, clients, event).await;
        sent.seq = event.seq;
    }

    /// The connections that are left out of a run.
    fn held(&self, run: &RunId) -> Vec<String> {
        let state = self.lock();
        let holds = state.held.keys();
        let of_run = holds.filter(|(_, of)| of.as_ref().is_none_or(|of| of == run));
        of_run.map(|(connection, _)| connection.clone()).collect()
    }

    /// The runs of which a held connection may have missed events, and what it has of them.
    fn unseen(&self, hold: &Hold, seen: &Seen) -> Vec<(Arc<Run>, u64)> {
        let Some(latest) = self.lock().latest.clone() else {
            return Vec::new();
        };
        let id = &latest.ids.run;
        match &seen.run {
            Some((run, seq)) if run == id => vec![(latest, *seq)],
            // It began while the connection was held.
            _ if hold.latest.as_ref() != Some(id) => vec![(latest, 0)],
            _ => Vec::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FeedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
