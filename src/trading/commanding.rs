//! Commands, from the one who asks to the instance that writes the log.

use std::sync::Arc;

use super::commands::CommandOutcome;
use super::fleet::{Missing, Request};
use super::ids::Id;
use super::live::Live;
use super::subject::Subject;
use crate::eventlog::EventLog;
use crate::problem::{Code, Problem};

impl<S: Subject> Live<S> {
    /// Has a command carried out where the log is written. What happens there is an outcome, not an
    /// error. Run it in a task of its own: it must end even if the one who asked goes away.
    pub async fn command(
        self: &Arc<Self>,
        id: &Id,
        request: impl FnOnce() -> Request,
        here: impl AsyncFnOnce() -> Result<CommandOutcome, Problem>,
    ) -> Result<CommandOutcome, Problem> {
        let outcome = self.at_home(id, Missing::NotFound, request, here).await;
        match outcome {
            Err(problem) if problem.code == Code::StoreUnavailable => {
                Ok(CommandOutcome::unreachable())
            }
            outcome => outcome,
        }
    }
}

/// Lets the next command in when this one ends, also when it was given up.
pub struct EndOfCommand<'a, S: Subject> {
    live: &'a Live<S>,
    log: &'a EventLog<S>,
}

impl<'a, S: Subject> EndOfCommand<'a, S> {
    pub fn new(live: &'a Live<S>, log: &'a EventLog<S>) -> Self {
        Self { live, log }
    }
}

impl<S: Subject> Drop for EndOfCommand<'_, S> {
    fn drop(&mut self) {
        let free = |subject: &mut S| *subject.is_commanded() = false;
        self.live.write(self.log, |scribe| free(scribe.state()));
    }
}
