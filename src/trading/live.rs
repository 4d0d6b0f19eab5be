//! All bots, or all backtests: found by id, changed here if this instance writes them.
//! What differs between the two is behind [`Subject`]; which there are is up to [`super::presence`],
//! what workers may change to [`super::accepting`] and [`super::registering`], and what makes several
//! instances one is in [`super::fleet`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use futures_util::FutureExt;

use super::clock::Clock;
use super::deadlines::{Deadline, Deadlines};
use super::delivery::{Delivering, Delivery};
use super::fleet::Fleet;
use super::history;
use super::idempotency::Idempotency;
use super::ids::Id;
use super::report::Receipt;
use super::subject::{At, Extent, Scribe, Subject};
use super::workers::Workers;
use crate::eventlog::{Budget, EventLog, Position, SharedLogs};
use crate::problem::Problem;

/// About the most memory that answers to reports with an idempotency key take.
const IDEMPOTENCY_BYTES: usize = 32 * 1024 * 1024;

pub struct Live<S: Subject> {
    pub clock: Clock,
    pub delivering: Arc<Delivering>,
    pub workers: Workers,
    pub shared: S::Shared,
    /// `None`: there are no other instances.
    pub(super) fleet: Option<Fleet<S>>,
    pub(super) logs: DashMap<Id, Arc<EventLog<S>>, ahash::RandomState>,
    /// Of all logs, for what has happened.
    pub(super) memory: Arc<Budget>,
    idempotency: Mutex<Idempotency<Receipt>>,
    deadlines: Deadlines,
}

impl<S: Subject> Live<S> {
    /// With `logs`, what the other instances have is here too. `history` is about the most bytes that
    /// events, and lists of what has happened, take in all.
    pub fn new(clock: Clock, logs: Option<SharedLogs>, history: usize) -> Arc<Self> {
        Arc::new(Self {
            clock,
            delivering: Arc::default(),
            workers: Workers::default(),
            shared: S::Shared::default(),
            fleet: logs.map(Fleet::new),
            logs: DashMap::default(),
            memory: Budget::new(history),
            idempotency: Mutex::new(Idempotency::new(IDEMPOTENCY_BYTES)),
            deadlines: Deadlines::default(),
        })
    }

    /// What is known here.
    pub fn find(&self, id: &str) -> Result<Arc<EventLog<S>>, Problem> {
        let log = self.logs.get(id).map(|log| log.clone());
        log.ok_or_else(|| Problem::not_found(format!("there is no `{id}`")))
    }

    pub fn is_known(&self, id: &str) -> bool {
        self.logs.contains_key(id)
    }

    /// Every log, in no order. Takes no lock of theirs.
    pub fn all(&self) -> Vec<Arc<EventLog<S>>> {
        self.logs.iter().map(|log| log.clone()).collect()
    }

    /// A snapshot of one, as it is now. Show it when [`Live::shown`] has waited.
    pub fn snapshot(&self, log: &EventLog<S>, extent: Extent) -> S::Snapshot {
        let now = self.clock.now();
        log.read(|subject, position| {
            let (epoch, seq) = (position.epoch, position.seq);
            subject.snapshot_at(At { epoch, seq, now }, extent)
        })
    }

    /// Waits until all that these logs contain by now may be shown.
    pub async fn shown(&self, logs: &[Arc<EventLog<S>>]) {
        if self.fleet.is_none() {
            return;
        }
        let positions: Vec<Position> = logs.iter().map(|log| log.position()).collect();
        for (log, position) in logs.iter().zip(&positions) {
            log.shown(position).await;
        }
    }

    /// Changes one under its lock; what became due leaves at the end. For the instance that writes
    /// it.
    pub fn write<R>(
        &self,
        log: &EventLog<S>,
        change: impl FnOnce(&mut Scribe<'_, '_, S>) -> R,
    ) -> R {
        self.with_scribe(log, |scribe| {
            let result = change(scribe);
            S::settle(scribe);
            result
        })
    }

    /// As [`write`](Self::write), for a copy of what another instance writes.
    pub(super) fn write_copy<R>(
        &self,
        log: &EventLog<S>,
        deadline: Option<&Deadline>,
        change: impl FnOnce(&mut Scribe<'_, '_, S>) -> R,
    ) -> R {
        self.with_scribe(log, |scribe| {
            let result = change(scribe);
            S::settle_copy(scribe, deadline);
            result
        })
    }

    pub(super) fn with_scribe<R>(
        &self,
        log: &EventLog<S>,
        change: impl FnOnce(&mut Scribe<'_, '_, S>) -> R,
    ) -> R {
        let now = self.clock.now();
        log.write(|writer| {
            let common = (&self.deadlines, &self.shared);
            let result = change(&mut Scribe::new(writer, &self.delivering, common, now));
            history::keep_to_share(writer.state(), &self.memory);
            result
        })
    }

    /// Does what is due by now.
    pub fn tick(&self) {
        let now = self.clock.now();
        while let Some(deadline) = self.deadlines.take_due(now.tick) {
            let Ok(log) = self.find(&deadline.id) else {
                continue;
            };
            if log.is_closed() {
                continue;
            }
            match &self.fleet {
                Some(fleet) if !fleet.owns(&deadline.id) => {
                    self.write_copy(&log, Some(&deadline), |_| ());
                }
                _ => self.write(&log, |scribe| S::on_deadline(scribe, &deadline)),
            }
        }
    }

    /// Delivers events and does what is due, for ever.
    pub async fn run<F: Future<Output = ()>>(&self, send: impl FnMut(Delivery) -> F) {
        let ticking = async {
            loop {
                self.deadlines.due(&self.clock).await;
                self.tick();
                tokio::task::yield_now().await;
            }
        };
        futures_util::select_biased! {
            () = self.delivering.run(send).fuse() => {}
            () = ticking.fuse() => {}
        }
    }

    pub(super) fn idempotency(&self) -> MutexGuard<'_, Idempotency<Receipt>> {
        self.idempotency
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
