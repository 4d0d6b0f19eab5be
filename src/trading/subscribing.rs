//! Subscriptions: what a viewer is told at once, so that events can follow without hole or double.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audience::Gate;
use super::ids::Id;
use super::live::Live;
use super::subject::{At, Subject};
use super::wire;
use crate::eventlog::{Epoch, Event, EventLog, Kind};

/// What a returning viewer has seen of one bot or backtest.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Seen {
    pub epoch: String,
    pub seq: u64,
}

/// By id.
pub type Since = HashMap<String, Seen>;

/// What a subscription is answered with.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Subscribed<T> {
    pub snapshots: Vec<T>,
    /// What a returning viewer missed of those that have no snapshot here.
    pub events: Vec<Value>,
}

/// What a viewer wants to see.
pub enum Wanted {
    Everything,
    /// These topics, which may have nothing behind them yet.
    Topics(Vec<Id>),
}

/// What an answer tells of: it may leave when all of it may be shown.
pub type Told<S> = Vec<Arc<EventLog<S>>>;

enum News<T> {
    Snapshot(T),
    Events(Vec<Event>),
}

impl<S: Subject> Live<S> {
    /// Registers a viewer and tells it what there is. `members` answers which ids it wants, once
    /// it is registered. When [`Live::shown`] has waited for what the answer tells of, it may leave;
    /// then call [`super::delivery::Delivering::open`] with the gate.
    pub fn subscribe(
        &self,
        connection: &Id,
        wanted: &Wanted,
        members: impl FnOnce() -> Vec<Arc<EventLog<S>>>,
        since: &Since,
    ) -> (Subscribed<S::Snapshot>, Arc<Gate>, Told<S>) {
        let audience = &self.delivering.audience;
        let gate = match wanted {
            Wanted::Everything => audience.hold_everything(connection),
            Wanted::Topics(topics) => audience.hold(connection, topics),
        };
        let mut answer = Subscribed {
            snapshots: Vec::new(),
            events: Vec::new(),
        };
        let told = members();
        for log in &told {
            match self.tell(log, &gate, since) {
                None => {}
                Some(News::Snapshot(snapshot)) => answer.snapshots.push(snapshot),
                Some(News::Events(events)) => {
                    answer.events.extend(events.iter().map(wire::with_type));
                }
            }
        }
        (answer, gate, told)
    }

    fn tell(&self, log: &EventLog<S>, gate: &Gate, since: &Since) -> Option<News<S::Snapshot>> {
        if log.is_closed() {
            return None;
        }
        let (id, whole) = log.read(|subject, _| (subject.id().clone(), subject.prefers_snapshot()));
        if !whole
            && let Some(seen) = since.get(&*id)
            && let Some(missed) = self.missed(log, gate, &id, seen)
        {
            return Some(News::Events(missed));
        }
        let now = self.clock.now();
        Some(log.read(|subject, position| {
            gate.told(&id, self.delivering.next_order());
            let (epoch, seq) = (position.epoch, position.seq);
            News::Snapshot(subject.snapshot_at(At { epoch, seq, now }, true))
        }))
    }

    /// What happened after what a viewer has seen, if the log still knows.
    fn missed(&self, log: &EventLog<S>, gate: &Gate, id: &Id, seen: &Seen) -> Option<Vec<Event>> {
        let epoch = Epoch::from(&*seen.epoch);
        loop {
            let position = log.position_at(&epoch, seen.seq).ok()?;
            let (events, reached) = log.after(&position).ok()?;
            // Only if nothing was written in between do the events end where the order is taken.
            let is_whole = log.read(|_, position| {
                gate.told(id, self.delivering.next_order());
                position == reached
            });
            if is_whole {
                let is_shown =
                    |event: &Event| event.kind != Kind::Lossy && S::EVENTS.contains(&&*event.name);
                return Some(events.into_iter().filter(is_shown).collect());
            }
        }
    }
}
