//! What must happen later, and when: one heap for all bots or backtests, so that ten thousand
//! quiet ones cost nothing until one of them is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::Clock;
use super::ids::Id;

/// Why a bot or backtest wants to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A conflated value's turn has come.
    Flush,
    /// There may have been no sign of life for too long.
    Silence,
}

/// One entry: at this tick, look at this one. Whether it is still due, the one it is about knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    pub at: u64,
    pub purpose: Purpose,
    pub id: Id,
}

/// All that is due some time. The owner of an entry makes sure to have one at a time.
#[derive(Debug, Default)]
pub struct Deadlines {
    heap: Mutex<BinaryHeap<Reverse<Deadline>>>,
    earlier: Notify,
}

impl Deadlines {
    pub fn schedule(&self, deadline: Deadline) {
        let at = deadline.at;
        let mut heap = self.lock();
        let is_next = heap.peek().is_none_or(|Reverse(next)| at < next.at);
        heap.push(Reverse(deadline));
        drop(heap);
        if is_next {
            self.earlier.notify_one();
        }
    }

    /// Takes the earliest entry out if it is due.
    pub fn take_due(&self, tick: u64) -> Option<Deadline> {
        let mut heap = self.lock();
        let is_due = heap.peek().is_some_and(|Reverse(next)| next.at <= tick);
        is_due.then(|| heap.pop().map(|Reverse(next)| next))?
    }

    /// Waits until something is due.
    pub async fn due(&self, clock: &Clock) {
        loop {
            let next = self.lock().peek().map(|Reverse(next)| next.at);
            let Some(at) = next else {
                self.earlier.notified().await;
                continue;
            };
            let now = clock.now().tick;
            if at <= now {
                return;
            }
            let sleep = tokio::time::sleep(Duration::from_millis(at - now));
            tokio::select! {
                () = sleep => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Deadline>>> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When an owner wants to be looked at for one purpose: remembers what is in the heap already.
#[derive(Debug, Default)]
pub struct Alarm(Option<u64>);

impl Alarm {
    /// Makes sure that there is an entry at `at` or earlier.
    pub fn set(&mut self, deadlines: &Deadlines, purpose: Purpose, id: &Id, at: u64) {
        if self.0.is_some_and(|set| set <= at) {
            return;
        }
        self.0 = Some(at);
        deadlines.schedule(Deadline {
            at,
            purpose,
            id: id.clone(),
        });
    }

    /// Whether this entry is the one that was set last. Then it is used up; others were replaced.
    pub fn rings(&mut self, deadline: &Deadline) -> bool {
        let rings = self.0 == Some(deadline.at);
        if rings {
            self.0 = None;
        }
        rings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_alarm_that_was_set_rings() {
        let (deadlines, id) = (Deadlines::default(), Id::from("bot"));
        let mut alarm = Alarm::default();
        for at in [10, 12, 5, 7] {
            alarm.set(&deadlines, Purpose::Silence, &id, at);
        }
        assert_eq!(deadlines.take_due(4), None);
        let first = deadlines.take_due(20).expect("an entry");
        let second = deadlines.take_due(20).expect("an entry");
        assert_eq!((first.at, second.at), (5, 10));
        assert!(alarm.rings(&first));
        assert!(!alarm.rings(&second), "it was replaced by the earlier one");
        assert_eq!(deadlines.take_due(20), None);
    }

    #[tokio::test]
    async fn waiting_ends_for_an_entry_that_is_earlier_than_the_first() {
        let (deadlines, clock) = (Deadlines::default(), Clock::manual());
        let deadline = |at| Deadline {
            at,
            purpose: Purpose::Flush,
            id: "bot".into(),
        };
        deadlines.schedule(deadline(1_000_000));
        let schedule = async { deadlines.schedule(deadline(0)) };
        futures_util::join!(deadlines.due(&clock), schedule);
        assert!(deadlines.take_due(0).is_some());
    }
}
