//! What bots and backtests have in common, seen from the machinery that drives both.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::audience::Event;
use super::clock::{Moment, Timestamp};
use super::deadlines::{Deadline, Deadlines};
use super::delivery::Delivering;
use super::history::History;
use super::ids::Id;
use super::wire;
use super::workers::{Registration, Reporter};
use crate::eventlog::{self, Epoch, Kind, Note, Share, Snapshot, Writer};
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

/// How much of its lists a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Nothing: it is one line of a list.
    Line,
    /// What a table of very many needs.
    Brief,
    Whole,
}

/// What a log tells of its bot or backtest to an instance that finds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    pub created: Timestamp,
    /// Its place among all in the order they came.
    pub number: u64,
}

/// A bot or a backtest: the state beside its event log. All of it is changed under the log's lock,
/// with a [`Scribe`] at hand that writes events.
///
/// One instance writes; the others' copies are made of the same events ([`Subject::apply`]), which
/// show them to the viewers there.
pub trait Subject: Snapshot + Sized {
    /// The logs' kind in the store, and the service under which instances ask each other.
    const KIND: &'static str;
    /// The member that carries the id, e.g. `botId`.
    const ID_MEMBER: &'static str;
    /// The event that shows a viewer one that it did not know.
    const SNAPSHOT_EVENT: &'static str;
    /// The last event of one that was removed.
    const REMOVED_EVENT: &'static str;
    /// Everything that viewers are sent, besides snapshots.
    const EVENTS: &'static [&'static str];
    type Event: serde::de::DeserializeOwned;
    type Snapshot: Serialize;
    /// What all of them have in common.
    type Shared: Default + Send + Sync;

    fn new(id: Id, about: &About, now: Moment) -> Self;
    /// What a new one is to tell of itself.
    fn about(_: &Self::Shared, now: Moment) -> About {
        About {
            created: now.wall,
            number: 0,
        }
    }
    /// Takes over what [`Snapshot::snapshot`] wrote.
    fn restore(&mut self, state: &[u8]) -> serde_json::Result<()>;
    /// Takes in what its writer, elsewhere, has written. `now` is when that happened.
    fn apply(&mut self, event: &eventlog::Event, now: Moment);
    /// As [`Subject::apply`], with whatever viewers here must see before the event.
    fn follow(scribe: &mut Scribe<'_, '_, Self>, event: &eventlog::Event) {
        let now = scribe.now;
        scribe.state().apply(event, now);
    }
    fn id(&self) -> &Id;
    /// What viewers may have subscribed to in order to get this one's events.
    fn topics(&self) -> SmallVec<[Id; 2]>;
    fn registration(&mut self) -> &mut Option<Registration>;
    /// Whether a command is being carried out.
    fn is_commanded(&mut self) -> &mut bool;
    /// The lists of what has happened, for pages, and what they take of what all may keep together.
    fn history(&mut self) -> (&mut Option<Share>, SmallVec<[&mut dyn History; 3]>);
    fn snapshot_at(&self, at: At, extent: Extent) -> Self::Snapshot;
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
    /// It is here no more, for good or to be made anew.
    fn on_removed(_: &Self::Shared, _: &mut Self) {}
    /// This instance writes it from now on, in place of another that is gone.
    fn on_taken_over(scribe: &mut Scribe<'_, '_, Self>);
    /// Its worker turned out to be registered still, after it was taken over.
    fn on_worker_found(_: &mut Scribe<'_, '_, Self>) {}
    fn on_registered(scribe: &mut Scribe<'_, '_, Self>);
    fn on_worker_gone(scribe: &mut Scribe<'_, '_, Self>);
    fn on_deadline(scribe: &mut Scribe<'_, '_, Self>, deadline: &Deadline);
    /// Comes at the end of every change: lets out what is due and sets the alarms.
    fn settle(scribe: &mut Scribe<'_, '_, Self>);
    /// As [`Subject::on_deadline`] and [`Subject::settle`], for a copy: what this instance itself
    /// counts and shows.
    fn settle_copy(_: &mut Scribe<'_, '_, Self>, _: Option<&Deadline>) {}
}

/// Writes one bot's or backtest's events, into its log and towards its viewers.
pub struct Scribe<'a, 'w, S: Subject> {
    pub now: Moment,
    pub deadlines: &'a Deadlines,
    pub shared: &'a S::Shared,
    writer: &'a mut Writer<'w, S>,
    delivering: &'a Arc<Delivering>,
    id: Id,
}

impl<'a, 'w, S: Subject> Scribe<'a, 'w, S> {
    pub fn new(
        writer: &'a mut Writer<'w, S>,
        delivering: &'a Arc<Delivering>,
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

    /// Keeps the latest value under `key` for whoever copies the log. Viewers are not shown it.
    pub fn remember(&mut self, key: &str, name: &'static str, fields: &impl Serialize) {
        let (id, ts) = ((S::ID_MEMBER, &self.id), self.now.wall);
        self.writer
            .conflate(key, name, |stamp| wire::encode_event(id, stamp, ts, fields));
    }

    /// Leaves a note in the store together with what was written before.
    pub fn note(&mut self, note: Note) {
        self.writer.note(note);
    }

    /// Writes what its writer, elsewhere, has written, and shows it.
    pub fn relay(&mut self, event: &eventlog::Event) {
        let body = event.body.clone();
        let key = event.key.as_deref().unwrap_or_default();
        match event.kind {
            Kind::Durable if event.seq != self.seq() + 1 => return,
            Kind::Conflated if self.writer.latest(key) == Some(&body) => return,
            _ => {}
        }
        S::follow(self, event);
        self.copy(event);
        let name = S::EVENTS.iter().find(|name| event.name == **name);
        if let Some(name) = name {
            self.push(name, body);
        }
    }

    /// Makes this log that of its writer, from a snapshot on.
    pub fn adopt(&mut self, epoch: Epoch, seq: u64) {
        self.writer.adopt(epoch, seq);
    }

    /// Writes what its writer, elsewhere, has written.
    pub fn copy(&mut self, event: &eventlog::Event) {
        let (name, body) = (event.name.clone(), event.body.clone());
        let key = event.key.as_deref().unwrap_or_default();
        match event.kind {
            Kind::Durable => {
                self.writer.append(name, |_| body);
            }
            Kind::Conflated => self.writer.conflate(key, name, |_| body),
            Kind::Lossy => self.writer.lose(name, |_| body),
        }
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
        let snapshot = self.state().snapshot_at(at, Extent::Whole);
        // Plain structs with finite numbers encode.
        let body = serde_json::to_vec(&snapshot).unwrap_or_default();
        let event = self.event(S::SNAPSHOT_EVENT, body.into());
        self.deliver(topics, everyone, event);
    }

    fn push(&mut self, target: &'static str, body: bytes::Bytes) {
        let event = self.event(target, body);
        let topics = self.state().topics();
        self.deliver(topics, true, event);
    }

    /// Not before the store has what came before.
    fn deliver(&mut self, topics: SmallVec<[Id; 2]>, everyone: bool, event: Event) {
        let delivering = Arc::clone(self.delivering);
        self.writer
            .when_shown(move || delivering.push(topics, everyone, event));
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
