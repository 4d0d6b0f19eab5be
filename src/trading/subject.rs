//! What bots and backtests have in common, seen from the machinery that drives both.

use serde::Serialize;
use smallvec::SmallVec;

use super::audience::Event;
use super::clock::{Moment, Timestamp};
use super::deadlines::{Deadline, Deadlines};
use super::delivery::Delivering;
use super::ids::Id;
use super::wire;
use super::workers::{Registration, Reporter};
use crate::eventlog::{Epoch, Writer};
use crate::problem::Problem;

/// A reported event with the time its reporter gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported<E> {
    pub ts: Option<Timestamp>,
    pub event: E,
}

/// Where a snapshot is taken.
#[derive(Clone, Debug)]
pub struct At {
    pub epoch: Epoch,
    pub seq: u64,
    pub now: Moment,
}

/// A bot or a backtest: the state beside its event log. All of it is changed under the log's lock,
/// with a [`Scribe`] at hand that writes events.
pub trait Subject: Sized + Send + 'static {
    /// The member that carries the id, e.g. `botId`.
    const ID_MEMBER: &'static str;
    /// The event that shows a viewer one that it did not know.
    const SNAPSHOT_EVENT: &'static str;
    type Event: serde::de::DeserializeOwned;
    type Snapshot: Serialize;
    /// What all of them have in common.
    type Shared: Default + Send + Sync;

    fn new(id: Id, now: Moment) -> Self;
    fn id(&self) -> &Id;
    /// What viewers may have subscribed to in order to get this one's events.
    fn topics(&self) -> SmallVec<[Id; 2]>;
    fn registration(&mut self) -> &mut Option<Registration>;
    /// The snapshot, with its arrays or without.
    fn snapshot(&self, at: At, arrays: bool) -> Self::Snapshot;
    /// Whether a returning viewer gets a snapshot even if the log still has what it missed.
    fn prefers_snapshot(&self) -> bool {
        false
    }

    /// Looks at one event by itself.
    fn check_event(event: &Self::Event) -> Result<(), String>;
    /// Looks at a whole report in the light of what happened before. Changes nothing.
    fn check_report(&self, _events: &[Reported<Self::Event>]) -> Result<(), Problem> {
        Ok(())
    }
    /// Takes a checked report in; answers a number per event.
    fn accept(
        scribe: &mut Scribe<'_, '_, Self>,
        reporter: &Reporter,
        events: Vec<Reported<Self::Event>>,
    ) -> Vec<u64>;
    /// Viewers of everything are shown what is new.
    fn on_created(scribe: &mut Scribe<'_, '_, Self>) {
        scribe.show_snapshot();
    }
    fn on_registered(scribe: &mut Scribe<'_, '_, Self>);
    fn on_worker_gone(scribe: &mut Scribe<'_, '_, Self>);
    fn on_deadline(scribe: &mut Scribe<'_, '_, Self>, deadline: &Deadline);
    /// Comes at the end of every change: lets out what is due and sets the alarms.
    fn settle(scribe: &mut Scribe<'_, '_, Self>);
}

/// Writes one bot's or backtest's events, into its log and towards its viewers.
pub struct Scribe<'a, 'w, S: Subject> {
    pub now: Moment,
    pub deadlines: &'a Deadlines,
    pub shared: &'a S::Shared,
    writer: &'a mut Writer<'w, S>,
    delivering: &'a Delivering,
    id: Id,
}

impl<'a, 'w, S: Subject> Scribe<'a, 'w, S> {
    pub fn new(
        writer: &'a mut Writer<'w, S>,
        delivering: &'a Delivering,
        (deadlines, shared): (&'a Deadlines, &'a S::Shared),
        now: Moment,
    ) -> Self {
        let id = writer.state().id().clone();
        Self {
            now,
            deadlines,
            shared,
            writer,
            delivering,
            id,
        }
    }

    pub fn id(&self) -> &Id {
        &self.id
    }

    pub fn state(&mut self) -> &mut S {
        self.writer.state()
    }

    /// The last durable event's number.
    pub fn seq(&self) -> u64 {
        self.writer.seq()
    }

    pub fn epoch(&self) -> &Epoch {
        self.writer.epoch()
    }

    /// Where a snapshot taken now stands.
    pub fn at(&self) -> At {
        At {
            epoch: self.epoch().clone(),
            seq: self.seq(),
            now: self.now,
        }
    }

    /// Appends a durable event and answers its number.
    pub fn durable(&mut self, name: &'static str, ts: Timestamp, fields: &impl Serialize) -> u64 {
        let id = (S::ID_MEMBER, &self.id);
        let mut body = bytes::Bytes::new();
        let seq = self.writer.append(name, |stamp| {
            body = wire::encode_event(id, stamp, ts, fields);
            body.clone()
        });
        self.push(name, body);
        seq
    }

    /// Shows the latest value under `key`.
    pub fn conflated(
        &mut self,
        key: &str,
        name: &'static str,
        ts: Timestamp,
        fields: &impl Serialize,
    ) {
        let id = (S::ID_MEMBER, &self.id);
        let mut body = bytes::Bytes::new();
        self.writer.conflate(key, name, |stamp| {
            body = wire::encode_event(id, stamp, ts, fields);
            body.clone()
        });
        self.push(name, body);
    }

    /// Shows something that the log keeps only for a short time.
    pub fn lossy(&mut self, name: &'static str, ts: Timestamp, fields: &impl Serialize) {
        let id = (S::ID_MEMBER, &self.id);
        let mut body = bytes::Bytes::new();
        self.writer.lose(name, |stamp| {
            body = wire::encode_event(id, stamp, ts, fields);
            body.clone()
        });
        self.push(name, body);
    }

    /// Starts a new epoch. Show a snapshot next.
    pub fn restart(&mut self) {
        self.writer.restart(Epoch::random());
    }

    /// Shows something that is not about this one alone, to the viewers of a topic.
    pub fn show(&self, topic: Id, target: &'static str, body: bytes::Bytes) {
        let order = self.delivering.next_order();
        let event = Event {
            id: topic.clone(),
            order,
            target,
            body,
        };
        self.delivering
            .push(SmallVec::from_iter([topic]), true, event);
    }

    /// Shows viewers everything at once: one that they did not know, or a history that restarted.
    pub fn show_snapshot(&mut self) {
        let topics = self.state().topics();
        self.show_snapshot_to(topics, true);
    }

    /// Shows a snapshot to the viewers of these topics only, or of everything besides.
    pub fn show_snapshot_to(&mut self, topics: SmallVec<[Id; 2]>, everyone: bool) {
        let at = self.at();
        let snapshot = self.state().snapshot(at, true);
        // Plain structs with finite numbers encode.
        let body = serde_json::to_vec(&snapshot).unwrap_or_default();
        let event = self.event(S::SNAPSHOT_EVENT, body.into());
        self.delivering.push(topics, everyone, event);
    }

    fn push(&mut self, target: &'static str, body: bytes::Bytes) {
        let event = self.event(target, body);
        let topics = self.state().topics();
        self.delivering.push(topics, true, event);
    }

    fn event(&self, target: &'static str, body: bytes::Bytes) -> Event {
        Event {
            id: self.id.clone(),
            order: self.delivering.next_order(),
            target,
            body,
        }
    }
}
