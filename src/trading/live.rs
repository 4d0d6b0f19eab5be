//! All bots, or all backtests: found by id, changed here if this instance writes them.
//! What differs between the two is behind [`Subject`]; what makes several instances one, in
//! [`super::fleet`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::{DashMap, Entry};
use futures_util::FutureExt;
use serde_json::Map;

use super::clock::Clock;
use super::deadlines::{Deadline, Deadlines};
use super::delivery::{Delivering, Delivery};
use super::fleet::{Fleet, RegisteredAt};
use super::idempotency::{self, Idempotency};
use super::ids::Id;
use super::report::{Receipt, Report};
use super::subject::{About, At, Scribe, Subject};
use super::workers::{Registration, Reporter, Workers};
use crate::eventlog::{Bounds, Epoch, EventLog, SharedLogs};
use crate::problem::{Code, Problem};

/// The most bots, or backtests, that there can be.
const MAXIMUM_SUBJECTS: usize = 100_000;

/// About the most memory that answers to reports with an idempotency key take.
const IDEMPOTENCY_BYTES: usize = 32 * 1024 * 1024;

/// Of which log, as its worker is told, and whom it replaced.
pub(super) type NewRegistration<S> = (Arc<EventLog<S>>, RegisteredAt, Option<Registration>);

pub struct Live<S: Subject> {
    pub clock: Clock,
    pub delivering: Arc<Delivering>,
    pub workers: Workers,
    pub shared: S::Shared,
    /// `None`: there are no other instances.
    pub(super) fleet: Option<Fleet<S>>,
    idempotency: Mutex<Idempotency<Receipt>>,
    deadlines: Deadlines,
    logs: DashMap<Id, Arc<EventLog<S>>, ahash::RandomState>,
}

impl<S: Subject> Live<S> {
    /// With `logs`, what the other instances have is here too.
    pub fn new(clock: Clock, logs: Option<SharedLogs>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            delivering: Arc::default(),
            workers: Workers::default(),
            shared: S::Shared::default(),
            fleet: logs.map(Fleet::new),
            idempotency: Mutex::new(Idempotency::new(IDEMPOTENCY_BYTES)),
            deadlines: Deadlines::default(),
            logs: DashMap::default(),
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
    pub fn snapshot(&self, log: &EventLog<S>, arrays: bool) -> S::Snapshot {
        let now = self.clock.now();
        log.read(|subject, position| {
            let (epoch, seq) = (position.epoch, position.seq);
            subject.snapshot_at(At { epoch, seq, now }, arrays)
        })
    }

    /// Waits until all that these logs contain by now may be shown.
    pub async fn shown(&self, logs: &[Arc<EventLog<S>>]) {
        if self.fleet.is_some() {
            for log in logs {
                log.shown(&log.position()).await;
            }
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

    fn with_scribe<R>(
        &self,
        log: &EventLog<S>,
        change: impl FnOnce(&mut Scribe<'_, '_, S>) -> R,
    ) -> R {
        let now = self.clock.now();
        log.write(|writer| {
            let common = (&self.deadlines, &self.shared);
            change(&mut Scribe::new(writer, &self.delivering, common, now))
        })
    }

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

    /// Takes a worker's report in, all of it or nothing.
    pub(super) fn report_here(
        &self,
        reporter: &Reporter,
        id: &Id,
        report: Report<S>,
    ) -> Result<(Arc<EventLog<S>>, Receipt), Problem> {
        if !self.is_known(id) {
            self.check_first(id, &report)?;
        }
        let (log, receipt) =
            self.write_or_create(id, |scribe| self.accept_report(scribe, reporter, report))?;
        Ok((log, receipt?))
    }

    /// A refused report creates nothing.
    pub(super) fn check_first(&self, id: &Id, report: &Report<S>) -> Result<(), Problem> {
        let now = self.clock.now();
        let about = S::about(&self.shared, now);
        S::new(id.clone(), &about, now).check_report(&report.events)
    }

    fn accept_report(
        &self,
        scribe: &mut Scribe<'_, '_, S>,
        reporter: &Reporter,
        report: Report<S>,
    ) -> Result<Receipt, Problem> {
        check_reporter(scribe.state(), reporter)?;
        let (id, now) = (scribe.id().clone(), scribe.now);
        let Some((key, fingerprint)) = report.key else {
            scribe.state().check_report(&report.events)?;
            return Ok(accept(scribe, reporter, report.events));
        };
        let mut idempotency = self.idempotency();
        if let Some(first) = idempotency.recall(&id, &key, fingerprint, now)? {
            return Ok(first);
        }
        scribe.state().check_report(&report.events)?;
        let receipt = accept(scribe, reporter, report.events);
        if self.fleet.is_some() {
            scribe.note(idempotency::note(&key, fingerprint, &receipt));
        }
        let remembered = (receipt.clone(), 8 * receipt.seqs.len());
        idempotency.remember(&id, &key, fingerprint, remembered, now);
        Ok(receipt)
    }

    /// Makes a connection the worker of one, in place of whoever was. Answers that one.
    pub(super) fn register_here(
        &self,
        id: &Id,
        new: &Registration,
    ) -> Result<NewRegistration<S>, Problem> {
        let (log, (at, old)) = self.write_or_create(id, |scribe| {
            let registration = scribe.state().registration();
            let last = registration.as_ref().map_or(0, |old| old.number);
            let now = u64::try_from(scribe.now.wall.0).unwrap_or_default();
            let number = now.max(last + 1);
            let mut new = new.clone();
            new.number = number;
            let registration = scribe.state().registration();
            let old = registration.replace(new);
            S::on_registered(scribe);
            let at = RegisteredAt {
                id: id.to_string(),
                epoch: scribe.epoch().clone(),
                seq: scribe.seq(),
                number,
            };
            (at, old)
        })?;
        let old = old.filter(|old| old.connection != new.connection);
        Ok((log, at, old))
    }

    /// A worker's connection is gone.
    pub(super) fn leave_here(&self, connection: &str, id: &str) {
        self.end_registration(id, |registration| &*registration.connection == connection);
    }

    pub(super) fn end_registration(&self, id: &str, is_it: impl FnOnce(&Registration) -> bool) {
        let Ok(log) = self.find(id) else { return };
        self.write(&log, |scribe| {
            let gone = scribe.state().registration().take_if(|it| is_it(it));
            if let Some(gone) = gone {
                gone.gone.cancel();
                S::on_worker_gone(scribe);
            }
        });
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
        EventLog::new(epoch, subject, bounds())
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

fn accept<S: Subject>(
    scribe: &mut Scribe<'_, '_, S>,
    reporter: &Reporter,
    events: Vec<super::subject::Reported<S::Event>>,
) -> Receipt {
    let seqs = S::accept(scribe, reporter, events);
    let epoch = scribe.epoch().clone();
    Receipt { epoch, seqs }
}

/// A worker whose registration went to another has nothing to report. Who never registered may,
/// as long as nobody else did.
fn check_reporter<S: Subject>(subject: &mut S, reporter: &Reporter) -> Result<(), Problem> {
    let Reporter::Connection(connection) = reporter else {
        return Ok(());
    };
    match subject.registration() {
        Some(registration) if registration.connection != *connection => Err(not_registered()),
        _ => Ok(()),
    }
}

pub fn not_registered() -> Problem {
    let message = "another connection is registered, or the registration ended; register again";
    Problem::new(Code::NotRegistered, message)
}

/// What was written here went to another instance meanwhile, or is being removed.
pub(super) fn moved() -> Problem {
    let message = "it is being moved or removed; try again";
    Problem::new(Code::StoreUnavailable, message)
}

/// Lossy events are kept only until they are on their way to the other instances.
fn bounds() -> Bounds {
    Bounds {
        lossy: 64,
        ..Bounds::default()
    }
}
