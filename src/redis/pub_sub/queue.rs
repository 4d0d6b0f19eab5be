//! What waits for one receiver: messages in order, bounded in bytes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

/// Bytes that may wait, names and a fixed cost for each message included.
const MOST_BYTES: usize = 256 * 1024 * 1024;
/// What a message costs besides its bytes.
const COST_EACH: usize = 96;

/// What a receiver gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Message {
        /// Without the prefix.
        channel: Arc<str>,
        payload: Bytes,
    },
    /// At this place so many messages are missing. Of what channels is not known if Redis sent
    /// faster than they could be taken.
    Lost(u64),
}

/// One receiver's queue. Full means: the message is dropped and counted.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    most_bytes: usize,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Received>,
    bytes: usize,
    /// Dropped after the last message that waits.
    lost: u64,
    closed: bool,
}

impl Queue {
    pub fn new() -> Self {
        Self::bounded(MOST_BYTES)
    }

    fn bounded(most_bytes: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Notify::new(),
            most_bytes,
        }
    }

    /// Whether the message was kept. A single one larger than the bound is, if nothing waits.
    pub fn push(&self, channel: Arc<str>, payload: Bytes) -> bool {
        let mut waiting = self.lock();
        let cost = cost(&channel, &payload);
        if waiting.closed || waiting.bytes > 0 && waiting.bytes + cost > self.most_bytes {
            waiting.lost += 1;
            return false;
        }
        if waiting.lost > 0 {
            let lost = std::mem::take(&mut waiting.lost);
            waiting.messages.push_back(Received::Lost(lost));
        }
        waiting.bytes += cost;
        waiting
            .messages
            .push_back(Received::Message { channel, payload });
        drop(waiting);
        self.arrived.notify_one();
        true
    }

    /// Says that `count` messages are missing here.
    pub fn lose(&self, count: u64) {
        self.lock().lost += count;
        self.arrived.notify_one();
    }

    /// What waits is still received, then comes the end.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    pub async fn pop(&self) -> Option<Received> {
        loop {
            if let Some(outcome) = self.try_pop() {
                return outcome;
            }
            self.arrived.notified().await;
        }
    }

    /// `None`: nothing yet; `Some(None)`: nothing any more.
    fn try_pop(&self) -> Option<Option<Received>> {
        let mut waiting = self.lock();
        if let Some(received) = waiting.messages.pop_front() {
            if let Received::Message { channel, payload } = &received {
                waiting.bytes -= cost(channel, payload);
            }
            return Some(Some(received));
        }
        if waiting.lost > 0 {
            return Some(Some(Received::Lost(std::mem::take(&mut waiting.lost))));
        }
        waiting.closed.then_some(None)
    }

    /// Bytes that wait, as they count for the bound.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cost(channel: &str, payload: &Bytes) -> usize {
    channel.len() + payload.len() + COST_EACH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_told_at_its_place() {
        let queue = Queue::bounded(3 * (COST_EACH + 2));
        let push = |text: &'static str| queue.push("c".into(), Bytes::from_static(text.as_bytes()));
        let kept: Vec<bool> = ["1", "2", "3", "4", "5"].map(push).to_vec();
        assert_eq!(kept, [true, true, true, false, false]);
        let message = |text: &'static str| Received::Message {
            channel: "c".into(),
            payload: Bytes::from_static(text.as_bytes()),
        };
        assert_eq!(queue.pop().await, Some(message("1")));
        assert!(push("6"));
        queue.close();
        for expected in [message("2"), message("3"), Received::Lost(2), message("6")] {
            assert_eq!(queue.pop().await, Some(expected));
        }
        assert_eq!(queue.pop().await, None);
    }

    #[tokio::test]
    async fn a_message_larger_than_the_bound_passes_an_empty_queue() {
        let queue = Queue::bounded(10);
        assert!(queue.push("c".into(), Bytes::from(vec![0; 100])));
        assert!(!queue.push("c".into(), Bytes::new()));
        assert!(matches!(queue.pop().await, Some(Received::Message { .. })));
        assert_eq!(queue.pop().await, Some(Received::Lost(1)));
    }
}
