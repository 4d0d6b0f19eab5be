//! Which bots or backtests there are: made, added, removed.

use std::sync::Arc;

use dashmap::Entry;
use serde_json::Map;

use super::ids::Id;
use super::live::Live;
use super::subject::{About, Scribe, Subject};
use super::workers::Registration;
use crate::eventlog::{Bounds, Epoch, EventLog};
use crate::problem::{Code, Problem};

/// The most bots, or backtests, that there can be.
const MAXIMUM_SUBJECTS: usize = 100_000;

/// Of one log; what all of them keep together is bounded besides. Lossy events are kept only until
/// they are on their way to the other instances.
const BOUNDS: Bounds = Bounds {
    lossy: 64,
    lossy_until_stored: true,
    ..Bounds::DEFAULT
};

impl<S: Subject> Live<S> {
    /// As [`write`](Self::write), for one that is made if there is none and no other instance may
    /// have it. Viewers are shown it first.
    pub(super) fn write_or_create<R>(
        &self,
        id: &Id,
        change: impl FnOnce(&mut Scribe<'_, '_, S>) -> R,
    ) -> Result<(Arc<EventLog<S>>, R), Problem> {
        loop {
            let (log, created) = match &self.fleet {
                None => self.find_or_create(id)?,
                // It was made when its lease was taken.
                Some(fleet) if fleet.owns(id) => (self.find(id)?, false),
                Some(_) => return Err(moved()),
            };
            if log.is_closed() {
                // A removal came between finding and writing.
                if self.fleet.is_some() {
                    return Err(moved());
                }
                self.logs.remove_if(id, |_, found| Arc::ptr_eq(found, &log));
                continue;
            }
            let result = self.write(&log, |scribe| {
                if created {
                    S::on_created(scribe);
                }
                change(scribe)
            });
            return Ok((log, result));
        }
    }

    /// Writes the last event of one. [`Live::forget`] it when the store has that.
    pub(super) fn remove_here(
        &self,
        id: &Id,
    ) -> Result<(Arc<EventLog<S>>, Option<Registration>), Problem> {
        let log = self.find(id)?;
        let registration = self.write(&log, |scribe| {
            let now = scribe.now.wall;
            scribe.durable(S::REMOVED_EVENT, now, &Map::new());
            S::on_removed(scribe.shared, scribe.state());
            let registration = scribe.state().registration().take();
            if let Some(registration) = &registration {
                registration.gone.cancel();
            }
            registration
        });
        log.close();
        Ok((log, registration))
    }

    /// One is here no more.
    pub(super) fn forget(&self, id: &Id, log: &Arc<EventLog<S>>) {
        self.logs.remove_if(id, |_, found| Arc::ptr_eq(found, log));
    }

    /// One is here from now on. Viewers are shown it.
    pub(super) fn add(&self, id: &Id, log: &Arc<EventLog<S>>) {
        self.logs.insert(id.clone(), log.clone());
        self.with_scribe(log, S::on_created);
    }

    pub(super) fn make(&self, id: &Id, about: &About, epoch: Epoch) -> Arc<EventLog<S>> {
        let subject = S::new(id.clone(), about, self.clock.now());
        let log = EventLog::new(epoch, subject, BOUNDS);
        log.set_share(self.memory.share());
        log
    }

    pub(super) fn check_room(&self) -> Result<(), Problem> {
        if self.logs.len() >= MAXIMUM_SUBJECTS {
            let message = format!("there are {MAXIMUM_SUBJECTS} already");
            return Err(Problem::new(Code::RateLimited, message));
        }
        Ok(())
    }

    fn find_or_create(&self, id: &Id) -> Result<(Arc<EventLog<S>>, bool), Problem> {
        if let Some(log) = self.logs.get(id) {
            return Ok((log.clone(), false));
        }
        self.check_room()?;
        match self.logs.entry(id.clone()) {
            Entry::Occupied(log) => Ok((log.get().clone(), false)),
            Entry::Vacant(free) => {
                let about = S::about(&self.shared, self.clock.now());
                let log = self.make(id, &about, Epoch::random());
                free.insert(log.clone());
                Ok((log, true))
            }
        }
    }
}

/// What was written here went to another instance meanwhile, or is being removed.
pub(super) fn moved() -> Problem {
    let message = "it is being moved or removed; try again";
    Problem::new(Code::StoreUnavailable, message)
}
