//! Publishes in the order of the calls, some sixty at a time on their way.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::{Notify, oneshot, watch};

use crate::redis::{RedisError, command, connection::Connection, numbers::Numbers};

/// Publishes whose answers are awaited at the same time.
const IN_FLIGHT: usize = 64;
/// Bytes that may wait to be sent. More is refused with [`RedisError::Overloaded`].
const MOST_BYTES: usize = 64 * 1024 * 1024;

type Answer = oneshot::Sender<Result<u64, RedisError>>;

/// The queue between callers and the connection.
pub(super) struct Publisher {
    commands: watch::Receiver<Option<Connection>>,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    publishes: VecDeque<Publish>,
    bytes: usize,
    closed: bool,
}

struct Publish {
    /// The one there was when it was queued: on another one it would not arrive where the caller
    /// thinks it does.
    connection: Connection,
    channel: Bytes,
    payload: Bytes,
    answer: Answer,
}

impl Publish {
    fn size(&self) -> usize {
        self.channel.len() + self.payload.len()
    }

    /// The order on the wire is that of the first polls, which is that of the calls.
    async fn send(self, numbers: &Numbers) {
        let arguments = vec![self.channel, self.payload];
        let answer = command::send(&self.connection, "PUBLISH", arguments).await;
        let answer = answer.and_then(|value| {
            let count = value
                .as_integer()
                .and_then(|count| u64::try_from(count).ok());
            count.ok_or(RedisError::Unexpected)
        });
        if answer.is_ok() {
            numbers.published.add(1);
        }
        let _ = self.answer.send(answer);
    }
}

impl Publisher {
    pub fn new(commands: watch::Receiver<Option<Connection>>) -> Self {
        Self {
            commands,
            queue: Arc::default(),
        }
    }

    /// Queues one publish, or says at once why not.
    pub fn publish(
        &self,
        channel: Bytes,
        payload: Bytes,
    ) -> Result<oneshot::Receiver<Result<u64, RedisError>>, RedisError> {
        let connection = self.commands.borrow().clone();
        let connection = connection.ok_or(RedisError::Unavailable)?;
        let (answer, answered) = oneshot::channel();
        let publish = Publish {
            connection,
            channel,
            payload,
            answer,
        };
        let mut waiting = self.queue.lock();
        if waiting.closed {
            return Err(RedisError::Unavailable);
        }
        let bytes = waiting.bytes + publish.size();
        if bytes > MOST_BYTES && !waiting.publishes.is_empty() {
            return Err(RedisError::Overloaded);
        }
        waiting.bytes = bytes;
        waiting.publishes.push_back(publish);
        drop(waiting);
        self.queue.arrived.notify_one();
        Ok(answered)
    }

    /// Takes nothing any more. What waits ends as [`RedisError::Unavailable`].
    pub fn close(&self) {
        let mut waiting = self.queue.lock();
        waiting.closed = true;
        waiting.bytes = 0;
        for publish in waiting.publishes.drain(..) {
            let _ = publish.answer.send(Err(RedisError::Unavailable));
        }
    }

    /// The task that sends what is queued. It runs as long as the service.
    pub fn run(&self, numbers: Arc<Numbers>) -> impl Future<Output = ()> + Send + use<> {
        let queue = self.queue.clone();
        async move {
            let mut sent = FuturesUnordered::new();
            loop {
                while sent.len() < IN_FLIGHT
                    && let Some(publish) = queue.pop()
                {
                    if publish.connection.is_usable() {
                        sent.push(publish.send(&numbers));
                    } else {
                        let _ = publish.answer.send(Err(RedisError::Unavailable));
                    }
                }
                tokio::select! {
                    Some(()) = sent.next() => {}
                    () = queue.arrived.notified(), if sent.len() < IN_FLIGHT => {}
                }
            }
        }
    }
}

impl Queue {
    fn pop(&self) -> Option<Publish> {
        let mut waiting = self.lock();
        let publish = waiting.publishes.pop_front()?;
        waiting.bytes -= publish.size();
        Some(publish)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
