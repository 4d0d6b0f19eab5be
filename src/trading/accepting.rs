//! Taking a worker's report in, where the log is written.

use std::sync::Arc;

use super::idempotency;
use super::ids::Id;
use super::live::Live;
use super::report::{Receipt, Report};
use super::subject::{Reported, Scribe, Subject};
use super::workers::Reporter;
use crate::eventlog::EventLog;
use crate::problem::{Code, Problem};

impl<S: Subject> Live<S> {
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
}

fn accept<S: Subject>(
    scribe: &mut Scribe<'_, '_, S>,
    reporter: &Reporter,
    events: Vec<Reported<S::Event>>,
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
