//! Polls that wait at this instance for a connection that lives elsewhere.
//!
//! What the home hands over is delivered once it was written to the client. The home is told; if
//! the word is lost it asks. So a poll that failed is remembered for a while; one that nobody
//! remembers was delivered.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    ConnectionKey, Fleet,
    message::{Delivered, Notice},
};
use crate::redis::InstanceId;

/// The home drops a connection that is not polled for `DisconnectTimeout`, so it asks before this.
const REMEMBERED: Duration = Duration::from_secs(120);
/// The client's answer waits so long until the home knows that it goes out.
const ANNOUNCING: Duration = Duration::from_millis(250);
/// Failed polls that are remembered; then the oldest give way.
const MAXIMUM_FAILED: usize = 100_000;

#[derive(Default)]
pub(super) struct Polls(Mutex<Table>);

#[derive(Default)]
struct Table {
    last: u64,
    /// What waits or is being written, and what failed.
    states: HashMap<u64, Delivered, ahash::RandomState>,
    /// Whose connection is looked for.
    arriving: usize,
    failed: VecDeque<(Instant, u64)>,
}

impl Polls {
    fn begin(&self) -> u64 {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.last += 1;
        let number = table.last;
        table.states.insert(number, Delivered::Underway);
        number
    }

    fn end(&self, number: u64, delivered: bool) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if delivered {
            table.states.remove(&number);
        } else {
            table.states.insert(number, Delivered::No);
            table.failed.push_back((now, number));
        }
        while table.failed.len() > MAXIMUM_FAILED
            || table
                .failed
                .front()
                .is_some_and(|(since, _)| now - *since > REMEMBERED)
        {
            if let Some((_, number)) = table.failed.pop_front() {
                table.states.remove(&number);
            }
        }
    }

    fn arrives(&self, change: impl FnOnce(&mut usize)) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut table.arriving);
    }

    /// How many are on their way to their connection's home, wait there, or are being written.
    pub fn open(&self) -> usize {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.arriving + table.states.len() - table.failed.len()
    }

    /// What became of a poll.
    pub fn outcome(&self, number: u64) -> Delivered {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.states.get(&number).copied().unwrap_or(Delivered::Yes)
    }
}

/// A poll whose connection may live elsewhere. It counts as open until this is dropped.
pub struct ArrivingPoll(Arc<Fleet>);

impl ArrivingPoll {
    /// A poll that has just come.
    pub fn begin(fleet: &Arc<Fleet>) -> Self {
        fleet.polls.arrives(|arriving| *arriving += 1);
        Self(fleet.clone())
    }
}

impl Drop for ArrivingPoll {
    fn drop(&mut self) {
        self.0.polls.arrives(|arriving| *arriving -= 1);
    }
}

/// One poll at its edge. Unless it was delivered, dropping it tells the home that it was not.
pub struct EdgePoll {
    fleet: Arc<Fleet>,
    home: InstanceId,
    key: ConnectionKey,
    number: u64,
    delivered: bool,
}

impl EdgePoll {
    /// A poll that is about to ask the home.
    pub fn begin(fleet: &Arc<Fleet>, home: &InstanceId, key: ConnectionKey) -> Self {
        Self {
            fleet: fleet.clone(),
            home: home.clone(),
            key,
            number: fleet.polls.begin(),
            delivered: false,
        }
    }

    /// Its number at this edge.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The answer is written to the client next. Should this instance die, the home takes it for
    /// delivered from here on. If it cannot be told, it asks.
    pub async fn goes_out(&self) {
        let notice = Notice::PollGoesOut {
            key: self.key,
            poll: self.number,
        };
        let told = self.fleet.notified(&self.home, &notice);
        let _ = timeout(ANNOUNCING, told).await;
    }

    /// The client has the answer.
    pub fn delivered(mut self) {
        self.delivered = true;
    }
}

impl Drop for EdgePoll {
    fn drop(&mut self) {
        self.fleet.polls.end(self.number, self.delivered);
        let notice = Notice::PollOver {
            key: self.key,
            poll: self.number,
            delivered: self.delivered,
        };
        self.fleet.notify(&self.home, &notice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_remembers_was_delivered() {
        let polls = Polls::default();
        let (first, second) = (polls.begin(), polls.begin());
        assert_eq!(polls.open(), 2);
        assert_eq!(polls.outcome(first), Delivered::Underway);
        polls.end(first, true);
        polls.end(second, false);
        assert_eq!(polls.outcome(first), Delivered::Yes);
        assert_eq!(polls.outcome(second), Delivered::No);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_poll_is_forgotten_after_a_while() {
        let polls = Polls::default();
        let number = polls.begin();
        polls.end(number, false);
        tokio::time::advance(REMEMBERED + Duration::from_secs(1)).await;
        let next = polls.begin();
        polls.end(next, false);
        assert_eq!(polls.outcome(number), Delivered::Yes);
        assert_eq!(polls.outcome(next), Delivered::No);
    }
}
