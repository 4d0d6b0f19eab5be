//! Who sees a conversation's `ChatEvent`s, and from which event on.
//!
//! Each instance serves its own connections: it knows which of them have a conversation open, and
//! follows the conversation's run, wherever that is produced. The events go out by one task, the
//! [`Delivering`], which sends the runs of a conversation one after the other and knows how far it
//! came. A connection that follows a run by a stream, or still waits for an answer, is *held*: what
//! goes to all leaves it out. When it is let go, the same task first sends it what it has not seen.
//! So whoever opens a conversation gets its events from there on without a hole and without a
//! double, and after the answer to its call.

mod delivering;
mod feed;
mod hold;
mod watchers;

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

pub use self::delivering::{Delivering, payload};
pub use self::hold::{Hold, Seen};

use self::delivering::Order;
use self::feed::Feed;
use self::watchers::Watchers;
use crate::chat::{ConversationId, Observer, Run, RunId, UserId, What};

/// How long somebody waits until everybody has been sent what a run has said.
const CATCH_UP: Duration = Duration::from_secs(2);

/// The viewers of all conversations. What is to be sent goes to [`Delivering`] in order; its queue
/// holds at most a few entries for each call and run in progress.
pub struct Viewers {
    feeds: DashMap<ConversationId, Arc<Feed>, ahash::RandomState>,
    watchers: Watchers,
    orders: mpsc::UnboundedSender<Order>,
}

impl Viewers {
    pub fn new() -> (Arc<Self>, Delivering) {
        let (orders, receiver) = mpsc::unbounded_channel();
        let viewers = Arc::new(Self {
            feeds: DashMap::default(),
            watchers: Watchers::default(),
            orders,
        });
        (viewers, Delivering::new(receiver))
    }

    /// A connection gets a conversation's events from now on.
    pub fn join(&self, user: &UserId, conversation: &ConversationId, connection: &str) {
        self.watchers.add(user, conversation, connection);
    }

    pub fn leave(&self, conversation: &ConversationId, connection: &str) {
        self.watchers.remove(conversation, connection);
    }

    /// Leaves a connection out of one run's events, or of all, until the hold ends.
    pub fn hold(
        self: &Arc<Self>,
        conversation: &ConversationId,
        connection: &str,
        run: Option<RunId>,
    ) -> Hold {
        let (feed, latest) = self.with_feed(conversation, |feed| {
            let latest = feed.hold(connection, run.as_ref());
            (feed.clone(), latest)
        });
        Hold::new(self.clone(), feed, connection, run, latest)
    }

    /// Ends a hold: the connection first gets what it has not seen.
    pub fn let_go(&self, hold: Hold, seen: Seen) {
        self.order(Order::LetGo(hold, seen));
    }

    /// Whether viewers are being sent this very run.
    pub fn is_latest(&self, conversation: &ConversationId, run: &RunId) -> bool {
        let feed = self.feeds.get(conversation);
        feed.is_some_and(|feed| feed.latest().is_some_and(|latest| latest.ids.run == *run))
    }

    /// Takes a feed while nobody can forget it.
    fn with_feed<R>(&self, id: &ConversationId, take: impl FnOnce(&Arc<Feed>) -> R) -> R {
        take(
            &self
                .feeds
                .entry(id.clone())
                .or_insert_with(|| Feed::new(id)),
        )
    }

    fn feed(&self, conversation: &ConversationId) -> Option<Arc<Feed>> {
        self.feeds.get(conversation).map(|feed| feed.clone())
    }

    /// Waits until the viewers of a conversation were shown the end of its last run, then they have
    /// it open no more.
    async fn forget(&self, conversation: &ConversationId) {
        if let Some(feed) = self.feed(conversation)
            && let Some(latest) = feed.latest()
        {
            let _ = tokio::time::timeout(CATCH_UP, feed.has_sent(&latest.ids.run)).await;
        }
        self.watchers.forget(conversation);
    }

    fn forget_if_idle(&self, conversation: &ConversationId) {
        // Others take a feed only through this map, whose lock we have.
        self.feeds.remove_if(conversation, |_, feed| feed.is_idle());
    }

    fn order(&self, order: Order) {
        // Nobody listens any more when the server has stopped.
        let _ = self.orders.send(order);
    }
}

impl Observer for Viewers {
    fn run_started(&self, run: &Arc<Run>) {
        let begin = self.with_feed(&run.ids.conversation, |feed| {
            feed.add_run(run).then(|| feed.clone())
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

    fn caught_up<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, ()> {
        let feed = self.feed(&run.ids.conversation);
        Box::pin(async move {
            if let Some(feed) = feed {
                let _ = tokio::time::timeout(CATCH_UP, feed.has_sent(&run.ids.run)).await;
            }
        })
    }

    fn is_watched(&self, conversation: &ConversationId) -> bool {
        let is_held = |feed: &Arc<Feed>| feed.has_holds();
        self.watchers.has(conversation)
            || self
                .feeds
                .get(conversation)
                .is_some_and(|feed| is_held(&feed))
    }

    fn watched(&self) -> Vec<(UserId, ConversationId)> {
        self.watchers.all()
    }

    fn conversation_deleted(&self, conversation: &ConversationId) {
        if self.watchers.has(conversation) {
            self.order(Order::Deleted(conversation.clone()));
        }
    }
}
