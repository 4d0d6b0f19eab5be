//! All bots, or all backtests, of this instance: found by id, reported to, registered for.
//! What differs between the two is behind [`Subject`].

use std::sync::{Arc, Mutex, PoisonError};

use dashmap::{DashMap, Entry};
use futures_util::FutureExt;

use super::clock::Clock;
use super::deadlines::Deadlines;
use super::delivery::{Delivering, Delivery};
use super::idempotency::Idempotency;
use super::ids::Id;
use super::report::{Receipt, Report};
use super::subject::{At, Scribe, Subject};
use super::workers::{Registration, Reporter, Workers};
use crate::eventlog::{Bounds, Epoch, EventLog};
use crate::problem::{Code, Problem};

/// The most bots, or backtests, that one instance takes in.
const MAXIMUM_SUBJECTS: usize = 100_000;

/// About the most memory that answers to reports with an idempotency key take.
const IDEMPOTENCY_BYTES: usize = 32 * 1024 * 1024;

pub struct Live<S: Subject> {
    pub clock: Clock,
    pub delivering: Delivering,
    pub workers: Workers,
    pub shared: S::Shared,
    deadlines: Deadlines,
    logs: DashMap<Id, Arc<EventLog<S>>, ahash::RandomState>,
    idempotency: Mutex<Idempotency<Receipt>>,
}

impl<S: Subject> Live<S> {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            delivering: Delivering::default(),
            workers: Workers::default(),
            shared: S::Shared::default(),
            deadlines: Deadlines::default(),
            logs: DashMap::default(),
            idempotency: Mutex::new(Idempotency::new(IDEMPOTENCY_BYTES)),
        }
    }

    pub fn find(&self, id: &str) -> Result<Arc<EventLog<S>>, Problem> {
        let log = self.logs.get(id).map(|log| log.clone());
        log.ok_or_else(|| Problem::not_found(format!("there is no `{id}`")))
    }

    /// Every log, in no order. Takes no lock of theirs.
    pub fn all(&self) -> Vec<Arc<EventLog<S>>> {
        self.logs.iter().map(|log| log.clone()).collect()
    }

    /// A snapshot of one, as it is now.
    pub fn snapshot(&self, log: &EventLog<S>, arrays: bool) -> S::Snapshot {
        let now = self.clock.now();
        log.read(|subject, position| {
            let (epoch, seq) = (position.epoch, position.seq);
            subject.snapshot(At { epoch, seq, now }, arrays)
        })
    }

    /// Changes one under its lock; what became due leaves at the end.
    pub fn write<R>(
        &self,
        log: &EventLog<S>,
        change: impl FnOnce(&mut Scribe<'_, '_, S>) -> R,
    ) -> R {
        let now = self.clock.now();
        log.write(|writer| {
            let mut scribe = Scribe::new(
                writer,
                &self.delivering,
                (&self.deadlines, &self.shared),
                now,
            );
            let result = change(&mut scribe);
            S::settle(&mut scribe);
            result
        })
    }

    /// As [`write`](Self::write), for one that is made if there is none. Viewers are shown it first.
    pub fn write_or_create<R>(
        &self,
        id: &Id,
        change: impl FnOnce(&mut Scribe<'_, '_, S>) -> R,
    ) -> Result<R, Problem> {
        loop {
            let (log, created) = self.find_or_create(id)?;
            // A removal may have come between finding and writing.
            if log.is_closed() {
                self.logs.remove_if(id, |_, found| Arc::ptr_eq(found, &log));
                continue;
            }
            return Ok(self.write(&log, |scribe| {
                if created {
                    S::on_created(scribe);
                }
                change(scribe)
            }));
        }
    }

    /// Takes a worker's report in, all of it or nothing.
    pub fn report(
        &self,
        reporter: &Reporter,
        id: &Id,
        report: Report<S>,
    ) -> Result<Receipt, Problem> {
        if let Reporter::Connection(connection) = reporter
            && self.workers.is_ended(connection, id)
        {
            return Err(not_registered());
        }
        if !self.logs.contains_key(id) {
            // A refused report creates nothing.
            S::new(id.clone(), self.clock.now()).check_report(&report.events)?;
        }
        self.write_or_create(id, |scribe| self.take_report(scribe, reporter, report))?
    }

    fn take_report(
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
        let mut idempotency = self
            .idempotency
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = idempotency.recall(&id, &key, fingerprint, now)? {
            return Ok(first);
        }
        scribe.state().check_report(&report.events)?;
        let receipt = accept(scribe, reporter, report.events);
        let remembered = (receipt.clone(), 8 * receipt.seqs.len());
        idempotency.remember(&id, &key, fingerprint, remembered, now);
        Ok(receipt)
    }

    /// Makes a connection the worker of these, in place of whoever was.
    pub fn register(
        &self,
        connection: &Id,
        ids: &[Id],
        heartbeat: u64,
    ) -> Result<Vec<At>, Problem> {
        let register = |id| {
            self.write_or_create(id, |scribe| {
                let new = Registration::new(connection.clone(), heartbeat);
                let old = scribe.state().registration().replace(new);
                if let Some(old) = old
                    && old.connection != *connection
                {
                    self.workers.ended(&old.connection, id);
                }
                self.workers.registered(connection, id);
                S::on_registered(scribe);
                scribe.at()
            })
        };
        ids.iter().map(register).collect()
    }

    /// A connection is gone, be it a viewer's or a worker's or both.
    pub fn disconnected(&self, connection: &Id) {
        self.delivering.audience.release_everything(connection);
        for id in self.workers.disconnected(connection) {
            let Ok(log) = self.find(&id) else { continue };
            self.write(&log, |scribe| {
                let registration = scribe.state().registration();
                let gone = registration.take_if(|it| it.connection == *connection);
                if let Some(gone) = gone {
                    gone.gone.cancel();
                    S::on_worker_gone(scribe);
                }
            });
        }
    }

    /// Ends one for good: `last_words` writes its last event.
    pub fn remove(
        &self,
        id: &Id,
        last_words: impl FnOnce(&mut Scribe<'_, '_, S>),
    ) -> Result<(), Problem> {
        let log = self.find(id)?;
        self.write(&log, |scribe| {
            last_words(scribe);
            if let Some(registration) = scribe.state().registration().take() {
                self.workers.ended(&registration.connection, id);
                registration.gone.cancel();
            }
        });
        log.close();
        self.logs.remove_if(id, |_, found| Arc::ptr_eq(found, &log));
        Ok(())
    }

    /// Does what is due by now.
    pub fn tick(&self) {
        let now = self.clock.now();
        while let Some(deadline) = self.deadlines.take_due(now.tick) {
            if let Ok(log) = self.find(&deadline.id) {
                self.write(&log, |scribe| S::on_deadline(scribe, &deadline));
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

    fn find_or_create(&self, id: &Id) -> Result<(Arc<EventLog<S>>, bool), Problem> {
        if let Some(log) = self.logs.get(id) {
            return Ok((log.clone(), false));
        }
        if self.logs.len() >= MAXIMUM_SUBJECTS {
            let message = format!("there are {MAXIMUM_SUBJECTS} already");
            return Err(Problem::new(Code::RateLimited, message));
        }
        match self.logs.entry(id.clone()) {
            Entry::Occupied(log) => Ok((log.get().clone(), false)),
            Entry::Vacant(free) => {
                let subject = S::new(id.clone(), self.clock.now());
                let log = EventLog::new(Epoch::random(), subject, bounds());
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

/// Lossy events are pages of their own and not read from the log.
fn bounds() -> Bounds {
    Bounds {
        lossy: 0,
        ..Bounds::default()
    }
}
