//! Reports that are sent again: the same key gives the first answer, not a second effect.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::clock::Moment;
use super::ids::Id;
use super::report::Receipt;
use crate::eventlog::Note;
use crate::problem::{Code, Problem};

/// How long an answer is remembered, in milliseconds.
pub const LIFETIME: u64 = 5 * 60 * 1000;

/// What a report said, reduced to what is needed to tell two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The order of an object's members does not matter: `Value` keeps them sorted.
    pub fn of(events: &[Value]) -> Self {
        let mut hash = Sha256::new();
        for event in events {
            hash.update(event.to_string());
            hash.update(b"\n");
        }
        Self(hash.finalize().into())
    }
}

/// A report that was taken, as the store keeps it beside the log.
#[derive(Serialize, Deserialize)]
struct Taken {
    fingerprint: Fingerprint,
    receipt: Receipt,
}

pub fn note(key: &str, fingerprint: Fingerprint, receipt: &Receipt) -> Note {
    let receipt = receipt.clone();
    let taken = Taken {
        fingerprint,
        receipt,
    };
    Note {
        key: key.to_owned(),
        // Numbers and texts encode.
        value: serde_json::to_vec(&taken).unwrap_or_default().into(),
        keep: Duration::from_millis(LIFETIME),
    }
}

/// Reads what [`note`] wrote.
pub fn noted(value: &[u8]) -> Option<(Fingerprint, Receipt)> {
    let taken: Taken = serde_json::from_slice(value).ok()?;
    Some((taken.fingerprint, taken.receipt))
}

/// The answers of the last five minutes, by bot or backtest and key. Bounded: when full, the
/// oldest is forgotten first.
#[derive(Debug)]
pub struct Idempotency<A> {
    answers: HashMap<(Id, Box<str>), Remembered<A>, ahash::RandomState>,
    oldest_first: VecDeque<(u64, Id, Box<str>)>,
    maximum_cost: usize,
    cost: usize,
}

#[derive(Debug)]
struct Remembered<A> {
    fingerprint: Fingerprint,
    answer: A,
    cost: usize,
}

impl<A: Clone> Idempotency<A> {
    /// `maximum_cost` bounds the sum of what [`Idempotency::remember`] is told, about one per byte.
    pub fn new(maximum_cost: usize) -> Self {
        Self {
            answers: HashMap::default(),
            oldest_first: VecDeque::new(),
            maximum_cost,
            cost: 0,
        }
    }

    /// The first answer if this was reported before, a conflict if the key stood for something else.
    pub fn recall(
        &mut self,
        id: &Id,
        key: &str,
        fingerprint: Fingerprint,
        now: Moment,
    ) -> Result<Option<A>, Problem> {
        self.forget_before(now.tick.saturating_sub(LIFETIME));
        match self.answers.get(&(id.clone(), key.into())) {
            None => Ok(None),
            Some(first) if first.fingerprint == fingerprint => Ok(Some(first.answer.clone())),
            Some(_) => Err(Problem::new(
                Code::IdempotencyConflict,
                "the idempotency key was used for another content",
            )),
        }
    }

    pub fn knows(&self, id: &Id, key: &str) -> bool {
        self.answers.contains_key(&(id.clone(), key.into()))
    }

    pub fn remember(
        &mut self,
        id: &Id,
        key: &str,
        fingerprint: Fingerprint,
        (answer, cost): (A, usize),
        now: Moment,
    ) {
        // What the maps themselves take, roughly.
        let cost = cost + 2 * key.len() + 200;
        let remembered = Remembered {
            fingerprint,
            answer,
            cost,
        };
        self.cost += cost;
        self.answers.insert((id.clone(), key.into()), remembered);
        self.oldest_first
            .push_back((now.tick, id.clone(), key.into()));
        while self.cost > self.maximum_cost && self.oldest_first.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_before(&mut self, tick: u64) {
        while self.oldest_first.front().is_some_and(|(at, ..)| *at < tick) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, id, key)) = self.oldest_first.pop_front() else {
            return;
        };
        if let Some(forgotten) = self.answers.remove(&(id, key)) {
            self.cost -= forgotten.cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trading::clock::Clock;

    fn fingerprint(text: &str) -> Fingerprint {
        Fingerprint::of(&[json!({ "type": text })])
    }

    #[test]
    fn the_same_key_gives_the_first_answer_for_five_minutes() {
        let (clock, id) = (Clock::manual(), Id::from("bot"));
        let mut idempotency = Idempotency::new(10_000);
        let content = fingerprint("a");
        idempotency.remember(&id, "k", content, (1, 8), clock.now());
        clock.advance(5 * 60 * 1000);
        let again = idempotency.recall(&id, "k", content, clock.now());
        assert_eq!(again, Ok(Some(1)));
        let other = idempotency.recall(&id, "k", fingerprint("b"), clock.now());
        assert_eq!(
            other.map_err(|problem| problem.code),
            Err(Code::IdempotencyConflict)
        );
        assert_eq!(
            idempotency.recall(&"other".into(), "k", content, clock.now()),
            Ok(None)
        );
        clock.advance(1);
        assert_eq!(idempotency.recall(&id, "k", content, clock.now()), Ok(None));
    }

    #[test]
    fn a_flood_of_keys_forgets_the_oldest_first() {
        let (clock, id) = (Clock::manual(), Id::from("bot"));
        let mut idempotency = Idempotency::new(1_000);
        for key in 0..100 {
            let key = key.to_string();
            idempotency.remember(&id, &key, fingerprint("a"), ((), 8), clock.now());
        }
        assert!(idempotency.answers.len() < 6);
        let newest = idempotency.recall(&id, "99", fingerprint("a"), clock.now());
        assert_eq!(newest, Ok(Some(())));
    }

    #[test]
    fn the_order_of_members_is_no_difference() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":2}"#).expect("is JSON");
        let two: Value = serde_json::from_str(r#"{"b":2,"a":1}"#).expect("is JSON");
        assert_eq!(Fingerprint::of(&[one]), Fingerprint::of(&[two]));
    }
}
