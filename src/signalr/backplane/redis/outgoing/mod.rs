//! The way out: straight to Redis while it is open, else a queue.
//!
//! Whoever sends first gets a [`Place`], so that a send that does not fit fails before anybody has
//! it. While the way is open a send waits for its place as long as too much is on its way; while it
//! is closed it fails at once. What waits goes out once, in order, before anything newer; what
//! waited too long is dropped.
//!
//! | file | what |
//! |---|---|
//! | [`state`] | what waits and what is on its way |
//! | [`place`] | room for one send |
//! | [`sending`] | handing messages to Redis, and what it answers |

mod place;
mod sending;
mod state;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use self::state::State;
pub(super) use self::{place::Place, state::Sent};
use super::{Numbers, RedisBackplaneOptions};
use crate::{redis::RedisError, signalr::backplane::BackplaneError};

/// Bytes that may be on their way to Redis, unanswered.
const IN_FLIGHT_BYTES: usize = 16 << 20;
/// What a message costs besides its bytes.
const COST_EACH: usize = 128;

/// What Redis is asked to publish.
pub(super) trait Publisher: Send + Sync {
    /// Queues one publish now; the number of receivers comes later.
    fn publish(&self, channel: &str, payload: Bytes)
    -> BoxFuture<'static, Result<u64, RedisError>>;
}

/// The messages of one hub that have not reached Redis yet.
pub(super) struct Outgoing {
    publisher: Arc<dyn Publisher>,
    queue_bytes: usize,
    queue_time: Duration,
    state: Mutex<State>,
    /// Something left, or the way opened or closed.
    changed: Notify,
    sent: mpsc::UnboundedSender<Sent>,
    numbers: Arc<Numbers>,
}

impl Outgoing {
    /// A closed way out, and what [`Outgoing::settle`] needs.
    pub fn new(
        publisher: Arc<dyn Publisher>,
        options: &RedisBackplaneOptions,
        numbers: Arc<Numbers>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Sent>) {
        let (sent, answers) = mpsc::unbounded_channel();
        let outgoing = Self {
            publisher,
            queue_bytes: options.queue_bytes,
            queue_time: options.queue_time,
            state: Mutex::default(),
            changed: Notify::new(),
            sent,
            numbers,
        };
        (Arc::new(outgoing), answers)
    }

    /// Room for a payload of this many bytes on each of so many channels.
    pub async fn reserve(
        self: &Arc<Self>,
        bytes: usize,
        channels: usize,
    ) -> Result<Place, BackplaneError> {
        let cost = (bytes + COST_EACH) * channels;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                let limit = match state.open {
                    Some(_) => IN_FLIGHT_BYTES,
                    None => self.queue_bytes,
                };
                // A single message larger than the bound is admitted to an empty queue.
                if state.bytes == 0 || state.bytes + cost <= limit {
                    state.bytes += cost;
                    return Ok(Place::new(self.clone(), cost));
                }
                if state.open.is_none() {
                    self.numbers.refused.count();
                    return Err(BackplaneError::QueueFull);
                }
            }
            changed.await;
        }
    }

    /// Sends what others wait for: acks and answers. They find a place unless the queue is full.
    pub fn answer(self: &Arc<Self>, channel: String, payload: Bytes) {
        let cost = payload.len() + COST_EACH;
        let mut state = self.lock();
        if state.bytes > 0 && state.bytes + cost > self.queue_bytes.max(IN_FLIGHT_BYTES) {
            self.numbers.refused.count();
            return;
        }
        state.bytes += cost;
        let number = state.next_number();
        self.push(&mut state, number, channel, payload, cost);
    }

    /// The number of a message that goes to Redis by another way.
    pub fn next_number(&self) -> u64 {
        self.lock().next_number()
    }

    /// Since when the way has been open.
    pub fn open_since(&self) -> Option<Instant> {
        self.lock().open
    }

    /// Waits until the way is open, at most so long. False: it is not.
    pub async fn opened(&self, limit: Duration) -> bool {
        let opened = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if self.open_since().is_some() {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, opened).await.is_ok()
    }

    /// Waits until the way is closed.
    pub async fn closed(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.open_since().is_none() {
                return;
            }
            changed.await;
        }
    }

    /// From now on everything waits.
    pub fn close(&self) {
        self.lock().open = None;
        self.changed.notify_waiters();
    }

    /// Bytes that wait or are on their way.
    pub fn queued_bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
