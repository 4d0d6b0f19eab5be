//! Logs that other instances write, copied here for the viewers of this one.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Deserialize;

use super::{Fleet, name};
use crate::eventlog::{Event, EventLog, Kind, Replica, StoreError, Stored};
use crate::redis::InstanceId;
use crate::trading::clock::{Moment, Timestamp};
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::subject::{About, Scribe, Subject};

pub struct Copy<S: Subject> {
    live: Weak<Live<S>>,
    id: Id,
    pub(super) log: Arc<EventLog<S>>,
    owner: Mutex<Option<InstanceId>>,
}

impl<S: Subject> Copy<S> {
    /// Who writes the log, as far as is known.
    pub fn owner(&self) -> Option<InstanceId> {
        let owner = self.owner.lock();
        owner.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_owner(&self, owner: Option<InstanceId>) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = owner;
    }

    /// Brings it to where the store has the log, telling viewers no more than they miss.
    pub(super) fn catch_up(&self, stored: &Stored) {
        let position = self.log.position();
        let fits = position.epoch == stored.epoch
            && position.seq <= stored.seq
            && stored
                .snapshot
                .as_ref()
                .is_none_or(|(seq, _)| *seq <= position.seq);
        if fits {
            self.extend(&stored.events);
        } else {
            self.replace(stored);
        }
    }
}

impl<S: Subject> Replica for Copy<S> {
    fn replace(&self, stored: &Stored) {
        let Some(live) = self.live.upgrade() else {
            return;
        };
        self.set_owner(stored.owner.as_deref().map(InstanceId::new));
        let position = self.log.position();
        if (&position.epoch, position.seq) == (&stored.epoch, stored.seq) {
            return;
        }
        live.write_copy(&self.log, None, |scribe| {
            S::on_removed(scribe.shared, scribe.state());
            restore(scribe, stored);
            S::on_created(scribe);
        });
    }

    fn extend(&self, events: &[Event]) {
        let Some(live) = self.live.upgrade() else {
            return;
        };
        live.write_copy(&self.log, None, |scribe| {
            events.iter().for_each(|event| scribe.relay(event));
        });
    }

    fn end(&self) {
        if let Some(live) = self.live.upgrade() {
            live.copy_ended(&self.id, &self.log);
        }
    }
}

impl<S: Subject> Live<S> {
    /// Follows a log that another instance writes, if there is one and it is not here already.
    pub(super) async fn discover(self: &Arc<Self>, id: &Id) -> Result<(), StoreError> {
        let Some(fleet) = &self.fleet else {
            return Ok(());
        };
        let _turn = fleet.turn(id).await;
        if self.is_known(id) {
            return Ok(());
        }
        self.follow(fleet, id, || ()).await.map(drop)
    }

    /// Makes a copy of what the store has and keeps it up to date. `before` is called if there is
    /// something to be copied, before it is shown. Answers whether there was.
    pub(super) async fn follow(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        id: &Id,
        before: impl FnOnce(),
    ) -> Result<bool, StoreError> {
        let make = |stored: &Stored| {
            let is_over = stored.ended || is_removed::<S>(stored);
            (!is_over).then(|| {
                before();
                self.copy(id, stored)
            })
        };
        let followed = fleet.logs.feed.follow(&name::<S>(id), make).await;
        if followed.is_err() {
            // Half begun: it is not fed.
            self.uncopy(id);
        }
        followed.map(|copy| copy.is_some())
    }

    /// A copy of what the store has. Viewers are shown it.
    pub(super) fn copy(self: &Arc<Self>, id: &Id, stored: &Stored) -> Arc<Copy<S>> {
        let about = about(stored).unwrap_or_else(|| S::about(&self.shared, self.clock.now()));
        let log = self.make(id, &about, stored.epoch.clone());
        let copy = Arc::new(Copy {
            live: Arc::downgrade(self),
            id: id.clone(),
            log: log.clone(),
            owner: Mutex::new(stored.owner.as_deref().map(InstanceId::new)),
        });
        // Nobody sees it yet.
        self.write_copy(&log, None, |scribe| restore(scribe, stored));
        if let Some(fleet) = &self.fleet {
            fleet.copies.insert(id.clone(), copy.clone());
        }
        self.add(id, &log);
        copy
    }

    fn uncopy(&self, id: &Id) {
        let copy = self
            .fleet
            .as_ref()
            .and_then(|fleet| fleet.copies.remove(id));
        if let Some((_, copy)) = copy {
            self.with_copy_removed(id, &copy.log);
        }
    }

    /// It was removed, or it is lost with its writer and its store.
    fn copy_ended(self: &Arc<Self>, id: &Id, log: &Arc<EventLog<S>>) {
        let Some(fleet) = &self.fleet else { return };
        let is_mine = |_: &Id, copy: &Arc<Copy<S>>| Arc::ptr_eq(&copy.log, log);
        if fleet.copies.remove_if(id, is_mine).is_none() {
            return;
        }
        self.workers.removed(id);
        self.with_copy_removed(id, log);
        // It may have been made again before this was known.
        let (live, id) = (self.clone(), id.clone());
        fleet.logs.redis.spawn(async move {
            if let Err(error) = live.discover(&id).await {
                tracing::debug!(%id, %error, "a log is looked for later");
            }
        });
    }

    pub(super) fn with_copy_removed(&self, id: &Id, log: &Arc<EventLog<S>>) {
        self.forget(id, log);
        log.close();
        self.write_copy(log, None, |scribe| {
            S::on_removed(scribe.shared, scribe.state())
        });
    }
}

/// Makes the state and the log what the store has.
pub(super) fn restore<S: Subject>(scribe: &mut Scribe<'_, '_, S>, stored: &Stored) {
    let (id, now) = (scribe.id().clone(), scribe.now);
    let about = about(stored).unwrap_or_else(|| S::about(scribe.shared, now));
    *scribe.state() = S::new(id.clone(), &about, now);
    let mut reached = 0;
    if let Some((seq, state)) = &stored.snapshot {
        reached = *seq;
        if let Err(error) = scribe.state().restore(state) {
            tracing::warn!(%id, %error, "a snapshot in the store cannot be read");
        }
    }
    let first = durable(stored).next();
    let first = first.map_or(stored.seq, |event| event.seq - 1);
    scribe.adopt(stored.epoch.clone(), first.max(reached));
    let is_news = |event: &&Event| event.kind != Kind::Durable || event.seq > reached;
    for event in stored.events.iter().filter(is_news) {
        let then = when(event, now);
        scribe.state().apply(event, then);
        scribe.copy(event);
    }
}

/// Whether the last thing that happened to it was its removal.
pub(super) fn is_removed<S: Subject>(stored: &Stored) -> bool {
    let last = durable(stored).last();
    last.is_some_and(|event| *event.name == *S::REMOVED_EVENT)
}

fn durable(stored: &Stored) -> impl Iterator<Item = &Event> {
    let events = stored.events.iter();
    events.filter(|event| event.kind == Kind::Durable)
}

pub(super) fn about(stored: &Stored) -> Option<About> {
    serde_json::from_slice(&stored.about).ok()
}

/// When an event that was read happened, by this instance's clock.
fn when(event: &Event, now: Moment) -> Moment {
    #[derive(Deserialize)]
    struct Head {
        ts: Timestamp,
    }
    let Ok(Head { ts }) = serde_json::from_slice(&event.body) else {
        return now;
    };
    let age = u64::try_from(now.wall.0 - ts.0).unwrap_or_default();
    Moment {
        wall: now.wall.min(ts),
        tick: now.tick.saturating_sub(age),
    }
}
