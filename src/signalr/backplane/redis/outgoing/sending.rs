//! Handing messages to Redis. What was handed over and not answered is never sent again, so nothing
//! more is handed to a Redis that has not answered for a moment.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};
use tracing::warn;

use super::{
    IN_FLIGHT_BYTES, Outgoing,
    state::{Message, Sent, State},
};
use crate::redis::RedisError;

impl Outgoing {
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

    pub(super) fn push(
        &self,
        state: &mut State,
        number: u64,
        channel: String,
        payload: Bytes,
        cost: usize,
    ) {
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
}
