//! The way out: straight to Redis while it is open, else a queue.
//!
//! Whoever sends first gets a [`Place`], so that a send that does not fit fails before anybody has
//! it. While the way is open a send waits for its place as long as too much is on its way; while it
//! is closed it fails at once. What waits goes out once, in order, before anything newer; what
//! waited too long is dropped. What was handed to Redis and not answered is never sent again, so
//! nothing more is handed to a Redis that has not answered for a moment.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tracing::warn;

use super::{Numbers, RedisBackplaneOptions};
use crate::{redis::RedisError, signalr::backplane::BackplaneError};

/// Bytes that may be on their way to Redis, unanswered.
const IN_FLIGHT_BYTES: usize = 16 << 20;
/// While Redis owes an answer for longer than this, it is given nothing more: what it has then may
/// be lost, what waits is not.
const ANSWER_DUE: Duration = Duration::from_millis(250);
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

#[derive(Default)]
struct State {
    /// Since when the way is open.
    open: Option<Instant>,
    /// Bytes of all places, of what waits and of what is on its way.
    bytes: usize,
    in_flight: usize,
    /// When each message that is on its way was handed to Redis, the oldest first.
    handed: VecDeque<Instant>,
    /// How many messages were numbered.
    number: u64,
    /// In the order of their numbers.
    waiting: VecDeque<Message>,
}

/// One publish.
struct Message {
    number: u64,
    channel: String,
    payload: Bytes,
    since: Instant,
    cost: usize,
}

/// One publish on its way.
pub(super) struct Sent {
    message: Message,
    answer: BoxFuture<'static, Result<u64, RedisError>>,
}

/// Room for one send. Dropping it gives the room back.
pub(super) struct Place {
    outgoing: Arc<Outgoing>,
    cost: usize,
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
                    let outgoing = self.clone();
                    return Ok(Place { outgoing, cost });
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

    /// Sends everything that waits, in order, then opens the way. Dropping it leaves it closed.
    pub async fn open(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            self.expire();
            if self.send_waiting() {
                self.changed.notify_waiters();
                return;
            }
            changed.await;
        }
    }

    /// Sends as much as may be on its way. True: nothing waits any more, and the way is open.
    fn send_waiting(&self) -> bool {
        let mut state = self.lock();
        let all = self.send_some(&mut state);
        if all {
            state.open = Some(Instant::now());
        }
        all
    }

    /// Whether nothing waits any more.
    fn send_some(&self, state: &mut State) -> bool {
        while state.in_flight < IN_FLIGHT_BYTES && !state.is_answer_due() {
            let Some(message) = state.waiting.pop_front() else {
                return true;
            };
            self.send(state, message);
        }
        state.waiting.is_empty()
    }

    /// Drops what has waited too long.
    pub fn expire(&self) {
        let mut state = self.lock();
        let mut expired = 0;
        while let Some(oldest) = state.waiting.front()
            && oldest.since.elapsed() >= self.queue_time
        {
            state.bytes -= oldest.cost;
            state.waiting.pop_front();
            expired += 1;
        }
        drop(state);
        if expired > 0 {
            self.numbers.expired.add(expired);
            warn!(
                count = expired,
                "⚠️ Messages to other instances waited too long for Redis and were dropped"
            );
        }
    }

    /// Takes Redis's answers, as long as it is polled.
    pub async fn settle(self: Arc<Self>, mut answers: mpsc::UnboundedReceiver<Sent>) {
        while let Some(Sent { message, answer }) = answers.recv().await {
            let mut answers = true;
            match answer.await {
                Ok(_) => self.numbers.published.add(1),
                Err(RedisError::Unavailable | RedisError::Overloaded) => {
                    self.give_back(message);
                    continue;
                }
                Err(RedisError::Refused(text)) => {
                    if self.numbers.rejected.count() == 0 {
                        warn!(%text, "⚠️ Redis refuses to publish");
                    }
                }
                Err(_) => {
                    answers = false;
                    self.numbers.uncertain.add(1);
                }
            }
            let mut state = self.lock();
            state.handed.pop_front();
            state.bytes -= message.cost;
            state.in_flight -= message.cost;
            // After a failure the rest of what is on its way may come back, and goes first.
            if state.open.is_some() && (answers || state.handed.is_empty()) {
                self.send_some(&mut state);
            }
            drop(state);
            self.changed.notify_waiters();
        }
    }

    /// Nothing of it was sent: it waits again, at its place.
    fn give_back(&self, message: Message) {
        let mut state = self.lock();
        state.open = None;
        state.handed.pop_front();
        state.in_flight -= message.cost;
        let place = state
            .waiting
            .partition_point(|waiting| waiting.number < message.number);
        state.waiting.insert(place, message);
        drop(state);
        self.changed.notify_waiters();
    }

    fn push(&self, state: &mut State, number: u64, channel: String, payload: Bytes, cost: usize) {
        let message = Message {
            number,
            channel,
            payload,
            since: Instant::now(),
            cost,
        };
        let is_free = state.open.is_some() && state.waiting.is_empty() && !state.is_answer_due();
        if is_free {
            self.send(state, message);
        } else {
            state.waiting.push_back(message);
        }
    }

    fn send(&self, state: &mut State, message: Message) {
        state.in_flight += message.cost;
        state.handed.push_back(Instant::now());
        let answer = self
            .publisher
            .publish(&message.channel, message.payload.clone());
        // The receiver ends with the backplane, and then nobody counts any more.
        let _ = self.sent.send(Sent { message, answer });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_answer_due(&self) -> bool {
        let oldest = self.handed.front();
        oldest.is_some_and(|since| since.elapsed() > ANSWER_DUE)
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}

impl Place {
    /// Sends a payload to each channel. `seal` makes it once its number is known.
    pub fn send(mut self, channels: Vec<String>, seal: impl FnOnce(u64) -> Bytes) {
        let outgoing = self.outgoing.clone();
        let mut state = outgoing.lock();
        let each = self.cost / channels.len().max(1);
        let number = state.next_number();
        let payload = seal(number);
        for channel in channels {
            self.cost -= each;
            outgoing.push(&mut state, number, channel, payload.clone(), each);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.cost > 0 {
            self.outgoing.lock().bytes -= self.cost;
            self.outgoing.changed.notify_waiters();
        }
    }
}
