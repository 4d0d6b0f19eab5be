//! Subscriptions: what a viewer is told at once, so that events can follow without hole or double.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audience::Gate;
use super::ids::Id;
use super::live::Live;
use super::subject::{At, Extent, Subject};
use super::wire::WithType;
use crate::eventlog::{Epoch, Event, EventLog, Kind};
use crate::signalr::protocol::{Encode, EncodeError, EncodedArray, Protocol, encode_object};

/// What a returning viewer has seen of one bot or backtest.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Seen {
    pub epoch: String,
    pub seq: u64,
}

/// By id.
pub type Since = HashMap<String, Seen>;

/// Of more bots or backtests than this at a time, snapshots are brief.
const MANY: usize = 1_000;

/// How many bytes of an answer are made before others have their turn: less than a millisecond's work.
const TURN: usize = 128 * 1024;

/// What a subscription is answered with.
#[derive(Debug)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Subscribed<T> {
    #[cfg_attr(test, ts(as = "Vec<T>"))]
    pub snapshots: EncodedArray<T>,
    /// What a returning viewer missed of those that have no snapshot here.
    #[cfg_attr(test, ts(as = "Vec<Value>"))]
    pub events: EncodedArray<Value>,
}

impl<T> Encode for Subscribed<T> {
    fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode_object(protocol, out, &self.members())
    }
}

impl<T> Subscribed<T> {
    fn new(protocol: Protocol) -> Self {
        Self {
            snapshots: EncodedArray::new(protocol),
            events: EncodedArray::new(protocol),
        }
    }

    /// As they are encoded.
    pub fn members(&self) -> [(&str, &dyn Encode); 2] {
        [("snapshots", &self.snapshots), ("events", &self.events)]
    }

    fn bytes(&self) -> usize {
        self.snapshots.bytes() + self.events.bytes()
    }
}

/// Who subscribes.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub connection: Id,
    /// What its answer is encoded in.
    pub protocol: Protocol,
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
    /// Registers a viewer and tells it what there is, in turns with others. `members` answers which
    /// ids it wants, once it is registered. When [`Live::shown`] has waited for what the answer tells
    /// of, it may leave; then call [`super::delivery::Delivering::open`] with the gate.
    ///
    /// The viewer is registered before anything is waited for.
    pub async fn subscribe(
        &self,
        viewer: &Viewer,
        wanted: &Wanted,
        members: impl FnOnce() -> Vec<Arc<EventLog<S>>>,
        since: &Since,
    ) -> (Subscribed<S::Snapshot>, Arc<Gate>, Told<S>) {
        let audience = &self.delivering.audience;
        let gate = match wanted {
            Wanted::Everything => audience.hold_everything(&viewer.connection),
            Wanted::Topics(topics) => audience.hold(&viewer.connection, topics),
        };
        let mut answer = Subscribed::new(viewer.protocol);
        let told = members();
        let extent = match told.len() > MANY {
            true => Extent::Brief,
            false => Extent::Whole,
        };
        let mut turn = TURN;
        for log in &told {
            let news = self.news(log, &gate, since, extent);
            if let Err(error) = add(&mut answer, news) {
                tracing::error!(%error, "a snapshot cannot be encoded");
            }
            if answer.bytes() >= turn {
                turn = answer.bytes() + TURN;
                tokio::task::yield_now().await;
            }
        }
        (answer, gate, told)
    }

    fn news(
        &self,
        log: &EventLog<S>,
        gate: &Gate,
        since: &Since,
        extent: Extent,
    ) -> Option<News<S::Snapshot>> {
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
            News::Snapshot(subject.snapshot_at(At { epoch, seq, now }, extent))
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

fn add<T: Serialize>(answer: &mut Subscribed<T>, news: Option<News<T>>) -> Result<(), EncodeError> {
    match news {
        None => Ok(()),
        Some(News::Snapshot(snapshot)) => answer.snapshots.push(&snapshot),
        Some(News::Events(events)) => events
            .iter()
            .try_for_each(|event| answer.events.push(&WithType(event))),
    }
}
