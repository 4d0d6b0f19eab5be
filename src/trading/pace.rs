//! How fast events may leave: conflated values wait for their turn, log lines are left out.

use std::hash::Hash;

use indexmap::IndexMap;

use super::clock::{Moment, Timestamp};

/// The most keys one bot or backtest may have. The one that rested longest goes first.
const MAXIMUM_KEYS: usize = 1_024;

/// The latest value of each key, let out at most once per interval: at once if the key has been
/// quiet, else when its interval is over. A newer value takes the place of one that waits.
#[derive(Debug)]
pub struct Conflation<K, V> {
    interval: u64,
    keys: IndexMap<K, Paced, ahash::RandomState>,
    waiting: IndexMap<K, V, ahash::RandomState>,
}

#[derive(Clone, Copy, Debug)]
struct Paced {
    /// The tick from which on the next value may leave.
    free_from: u64,
    /// The age of the newest value that was offered.
    newest: Timestamp,
}

impl<K: Hash + Eq + Clone, V> Conflation<K, V> {
    /// `interval` in milliseconds.
    pub fn new(interval: u64) -> Self {
        Self {
            interval,
            keys: IndexMap::default(),
            waiting: IndexMap::default(),
        }
    }

    /// Takes a value in, unless a newer one of the same key was here before. Says whether it did.
    pub fn offer(&mut self, key: K, value: V, age: Timestamp) -> bool {
        if let Some(paced) = self.keys.get_mut(&key) {
            if age < paced.newest {
                return false;
            }
            paced.newest = age;
        } else {
            self.admit(key.clone(), age);
        }
        self.waiting.insert(key, value);
        true
    }

    /// The values whose turn it is.
    pub fn take_due(&mut self, now: Moment) -> Vec<(K, V)> {
        let keys = &mut self.keys;
        let interval = self.interval;
        let is_due = |key: &K, _: &mut V| match keys.get_mut(key) {
            Some(paced) if paced.free_from > now.tick => false,
            Some(paced) => {
                paced.free_from = now.tick + interval;
                true
            }
            None => true,
        };
        self.waiting.extract_if(.., is_due).collect()
    }

    /// The value that waits under this key, whether or not it is its turn.
    pub fn take_waiting(&mut self, key: &K) -> Option<V> {
        self.waiting.shift_remove(key)
    }

    /// The tick at which the next waiting value may leave.
    pub fn next_due(&self) -> Option<u64> {
        let free_from = |key: &K| self.keys.get(key).map_or(0, |paced| paced.free_from);
        self.waiting.keys().map(free_from).min()
    }

    fn admit(&mut self, key: K, newest: Timestamp) {
        if self.keys.len() >= MAXIMUM_KEYS {
            let resting = self
                .keys
                .keys()
                .position(|key| !self.waiting.contains_key(key));
            let (gone, _) = self
                .keys
                .shift_remove_index(resting.unwrap_or(0))
                .expect("the map is full, so it has this index");
            self.waiting.shift_remove(&gone);
        }
        let free_from = 0;
        self.keys.insert(key, Paced { free_from, newest });
    }
}

/// Log lines per second that viewers are shown, with room for a burst. The others are counted.
#[derive(Debug)]
pub struct LineBudget {
    /// In thousandths of a line, so that milliseconds divide evenly.
    tokens: u64,
    refilled: u64,
    dropped: u64,
}

impl LineBudget {
    const PER_SECOND: u64 = 20;
    const BURST: u64 = 50 * 1_000;

    pub fn new(now: Moment) -> Self {
        Self {
            tokens: Self::BURST,
            refilled: now.tick,
            dropped: 0,
        }
    }

    /// Whether a line may be shown now, and then how many were left out before it.
    pub fn admit(&mut self, now: Moment) -> Option<u64> {
        let passed = now.tick.saturating_sub(self.refilled);
        self.refilled = now.tick;
        self.tokens = Self::BURST.min(self.tokens + passed * Self::PER_SECOND);
        if self.tokens < 1_000 {
            self.dropped += 1;
            return None;
        }
        self.tokens -= 1_000;
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trading::clock::Clock;

    const AGE: Timestamp = Timestamp(0);

    #[test]
    fn the_first_value_leaves_at_once_and_the_latest_one_when_the_interval_is_over() {
        let clock = Clock::manual();
        let mut conflation = Conflation::new(200);
        conflation.offer("pnl", 1, AGE);
        assert_eq!(conflation.take_due(clock.now()), [("pnl", 1)]);
        for value in 2..=9 {
            conflation.offer("pnl", value, AGE);
            assert_eq!(conflation.take_due(clock.now()), []);
            clock.advance(20);
        }
        assert_eq!(conflation.next_due(), Some(200));
        clock.advance(40);
        assert_eq!(conflation.take_due(clock.now()), [("pnl", 9)]);
        assert_eq!(conflation.next_due(), None);
    }

    #[test]
    fn an_older_value_never_comes_after_a_newer_one() {
        let clock = Clock::manual();
        let mut conflation = Conflation::new(200);
        assert!(conflation.offer("pnl", "new", Timestamp(7)));
        assert!(!conflation.offer("pnl", "old", Timestamp(6)));
        assert_eq!(conflation.take_due(clock.now()), [("pnl", "new")]);
    }

    #[test]
    fn a_thousand_keys_do_not_become_a_million() {
        let clock = Clock::manual();
        let mut conflation = Conflation::new(200);
        for key in 0..5_000 {
            conflation.offer(key, (), AGE);
        }
        assert_eq!(conflation.take_due(clock.now()).len(), MAXIMUM_KEYS);
    }

    #[test]
    fn a_flood_of_lines_is_thinned_and_the_next_line_says_how_many_are_missing() {
        let clock = Clock::manual();
        let mut budget = LineBudget::new(clock.now());
        let shown = (0..80).filter(|_| budget.admit(clock.now()).is_some());
        assert_eq!(shown.count(), 50);
        clock.advance(1_000);
        assert_eq!(budget.admit(clock.now()), Some(30));
        assert_eq!(budget.admit(clock.now()), Some(0));
    }
}
