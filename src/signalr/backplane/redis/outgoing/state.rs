//! What waits for Redis, and what is on its way there.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::redis::RedisError;

/// While Redis owes an answer for longer than this, it is given nothing more: what it has then may
/// be lost, what waits is not.
const ANSWER_DUE: Duration = Duration::from_millis(250);
#[derive(Default)]
pub(super) struct State {
    /// Since when the way is open.
    pub open: Option<Instant>,
    /// Bytes of all places, of what waits and of what is on its way.
    pub bytes: usize,
    pub in_flight: usize,
    /// When each message that is on its way was handed to Redis, the oldest first.
    pub handed: VecDeque<Instant>,
    /// How many messages were numbered.
    pub number: u64,
    /// In the order of their numbers.
    pub waiting: VecDeque<Message>,
}

/// One publish.
pub(super) struct Message {
    pub number: u64,
    pub channel: String,
    pub payload: Bytes,
    pub since: Instant,
    pub cost: usize,
}

/// One publish on its way.
pub(in super::super) struct Sent {
    pub(super) message: Message,
    pub(super) answer: BoxFuture<'static, Result<u64, RedisError>>,
}

impl State {
    /// Whether Redis owes an answer for too long.
    pub fn is_answer_due(&self) -> bool {
        let oldest = self.handed.front();
        oldest.is_some_and(|since| since.elapsed() > ANSWER_DUE)
    }

    pub fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}
