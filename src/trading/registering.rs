//! Which connection works for a bot or backtest, where its log is written.

use std::sync::Arc;

use super::fleet::RegisteredAt;
use super::ids::Id;
use super::live::Live;
use super::subject::Subject;
use super::workers::Registration;
use crate::eventlog::EventLog;
use crate::problem::Problem;

/// Of which log, as its worker is told, and whom it replaced.
type NewRegistration<S> = (Arc<EventLog<S>>, RegisteredAt, Option<Registration>);

impl<S: Subject> Live<S> {
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
}
