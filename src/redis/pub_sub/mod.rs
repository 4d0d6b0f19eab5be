//! Publish and subscribe, with what Redis itself does not promise: a subscription that is confirmed
//! before the caller goes on, is made again after every reconnect, and loses nothing in silence.
//!
//! [`registry`] knows which [`channels`] are wanted and by whom; [`subscriptions`] makes Redis agree;
//! [`dispatch`] carries messages to their [`queue`]s; [`publisher`] keeps publishes in order.

mod channels;
mod dispatch;
mod publisher;
mod queue;
mod registry;
mod subscriber;
mod subscriptions;

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use fred::interfaces::EventInterface as _;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use self::{publisher::Publisher, registry::Registry};
pub use self::{
    queue::Received,
    subscriber::{Receiver, Subscribed, Subscriber},
};
use super::{RedisError, command, connection::Connection, numbers::Numbers};

/// How long a stop waits for Redis to know.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a subscription waits for the first connection, if nothing is heard of Redis.
const FIRST_CONNECTION: Duration = Duration::from_secs(2);

/// Channels of Redis. Names are given and received without the prefix.
pub struct PubSub {
    prefix: Arc<str>,
    registry: Arc<Registry>,
    publisher: Publisher,
    numbers: Arc<Numbers>,
    commands: watch::Receiver<Option<Connection>>,
}

impl PubSub {
    pub(super) fn new(
        prefix: &str,
        commands: watch::Receiver<Option<Connection>>,
        numbers: Arc<Numbers>,
    ) -> Self {
        Self {
            prefix: prefix.into(),
            registry: Arc::new(Registry::new(prefix, numbers.clone())),
            publisher: Publisher::new(commands.clone()),
            numbers,
            commands,
        }
    }

    /// A set of channels with one receiver. Messages arrive in Redis's order. The queue is bounded
    /// in bytes; what does not fit is dropped, counted and told as [`Received::Lost`].
    pub fn subscriber(&self) -> (Subscriber, Receiver) {
        subscriber::pair(self.registry.clone())
    }

    /// Bytes that were received and wait for their subscribers, at most 256 MiB for each.
    pub fn queued_bytes(&self) -> usize {
        self.registry.queued_bytes()
    }

    /// One `PUBLISH`, at most once; answers the number of receivers.
    ///
    /// It is queued now, not when the future is polled, so the order of calls is kept; dropping
    /// the future does not take it back. With [`RedisError::Unavailable`] and
    /// [`RedisError::Overloaded`] nothing was sent; after the other errors it may have arrived.
    pub fn publish(
        &self,
        channel: &str,
        payload: Bytes,
    ) -> impl Future<Output = Result<u64, RedisError>> + Send + use<> {
        let answer = self.publisher.publish(self.full_name(channel), payload);
        async move { answer?.await.unwrap_or(Err(RedisError::Interrupted)) }
    }

    /// How many connections are subscribed to each channel (`PUBSUB NUMSUB`). In a cluster only
    /// those of one node.
    pub async fn subscriber_counts(&self, channels: &[String]) -> Result<Vec<u64>, RedisError> {
        let connection = self.commands.borrow().clone();
        let connection = connection.ok_or(RedisError::Unavailable)?;
        let mut arguments = vec![Bytes::from_static(b"NUMSUB")];
        arguments.extend(channels.iter().map(|name| self.full_name(name)));
        let answer = command::send(&connection, "PUBSUB", arguments).await?;
        let pairs = answer.into_list()?;
        let counts = pairs.chunks_exact(2).map(|pair| pair[1].as_integer());
        counts
            .map(|count| count.and_then(|count| u64::try_from(count).ok()))
            .collect::<Option<Vec<u64>>>()
            .filter(|counts| counts.len() == channels.len())
            .ok_or(RedisError::Unexpected)
    }

    /// The task that sends what is published.
    pub(super) fn run(&self) -> impl Future<Output = ()> + Send + use<> {
        let (registry, publishing) = (
            self.registry.clone(),
            self.publisher.run(self.numbers.clone()),
        );
        async move {
            let first = async {
                sleep(FIRST_CONNECTION).await;
                registry.is_late();
            };
            tokio::join!(first, publishing);
        }
    }

    /// The connection for subscriptions answers again.
    pub(super) fn answers(&self) {
        self.registry.answers();
    }

    /// An attempt to connect failed, or the connection for subscriptions ended or is silent.
    pub(super) fn disconnected(&self) {
        self.registry.disconnected();
    }

    /// The task that serves a new connection for subscriptions until it has ended.
    pub(super) fn serve(
        &self,
        connection: Connection,
        patience: Duration,
        restored: Box<dyn Fn() + Send>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let messages = connection.client.message_rx();
        let dispatching = dispatch::run(messages, self.registry.clone(), self.numbers.clone());
        let (registry, numbers) = (self.registry.clone(), self.numbers.clone());
        let settling = subscriptions::run(connection, registry, numbers, patience, restored);
        async move {
            tokio::join!(dispatching, settling);
        }
    }

    /// Unsubscribes from everything; every receiver ends, and nothing is taken any more.
    pub(super) async fn close(&self) {
        if let Some(known) = self.registry.close() {
            let _ = timeout(FAREWELL, known).await;
        }
        self.registry.disconnected();
        self.publisher.close();
    }

    fn full_name(&self, channel: &str) -> Bytes {
        Bytes::from([&*self.prefix, channel].concat())
    }
}
