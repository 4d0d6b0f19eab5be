//! A run that another instance produces, seen from here.

use std::sync::Arc;

use super::{Progress, Run};
use crate::chat::event::Body;
use crate::chat::store::Said;
use crate::chat::{FinishReason, RunError};
use crate::eventlog::{Epoch, Event, Replica, Stored, Writer};
use crate::problem::Code;

impl Run {
    /// Who produces the run; `None`: this instance.
    pub fn home(&self) -> Option<Arc<str>> {
        self.lock_home().clone()
    }

    pub fn is_here(&self) -> bool {
        self.lock_home().is_none()
    }

    pub(in crate::chat) fn set_home(&self, home: Option<Arc<str>>) {
        *self.lock_home() = home;
    }

    /// Another instance took the run over from this one: nothing more is produced here.
    pub(in crate::chat) fn lose(&self, to: Arc<str>) {
        self.set_home(Some(to));
        self.stop.cancel();
    }

    /// Brings the log to where the store has it, keeping what viewers know of it if that fits.
    pub(in crate::chat) fn catch_up(&self, stored: &Stored) {
        let fits = self.log.position().epoch == stored.epoch && stored.snapshot.is_none();
        match fits && self.last_seq() <= stored.seq {
            true => self.extend(&stored.events),
            false => self.replace(stored),
        }
    }
}

impl Run {
    /// Takes what a former process kept of the run in place of its log, which is lost.
    pub(in crate::chat) fn recall(&self, said: Said) {
        self.log.write(|writer| {
            let epoch = writer.epoch().clone();
            writer.adopt(epoch, said.last_seq);
            let progress = writer.state();
            (progress.text, progress.reasoning) = (said.text, said.reasoning);
        });
    }
}

impl Replica for Run {
    fn replace(&self, stored: &Stored) {
        self.log.write(|writer| {
            // Whoever has seen another history must not take this one for its continuation.
            let epoch = match writer.seq() {
                0 => stored.epoch.clone(),
                _ => Epoch::random(),
            };
            let (seq, progress) = match &stored.snapshot {
                Some((seq, state)) => (*seq, serde_json::from_slice(state).unwrap_or_default()),
                None => (0, Progress::default()),
            };
            writer.adopt(epoch, seq);
            *writer.state() = progress;
            append(writer, &stored.events);
        });
    }

    fn extend(&self, events: &[Event]) {
        self.log.write(|writer| append(writer, events));
    }

    fn end(&self) {
        let is_lost = !self.is_finished();
        if is_lost {
            let error = interrupted();
            self.write_end(FinishReason::Interrupted, Some(&error));
        }
        self.log.close();
    }
}

/// Appends what is new of another's events, as they are.
fn append(writer: &mut Writer<'_, Progress>, events: &[Event]) {
    for event in events {
        if event.seq == writer.seq() + 1 {
            writer.state().take(event);
            writer.append(event.name.clone(), |_| event.body.clone());
        }
    }
}

/// How a run ends whose producer is gone.
pub(in crate::chat) fn interrupted() -> RunError {
    RunError {
        code: Code::Interrupted,
        message: "The server stopped while it made this answer.".to_owned(),
        retryable: true,
        retry_after_ms: None,
    }
}

impl Run {
    /// Appends the last events.
    pub(super) fn write_end(&self, finish_reason: FinishReason, error: Option<&RunError>) {
        self.log.write(|writer| {
            let said = writer.seq();
            let progress = writer.state();
            progress.finished = Some(finish_reason);
            progress.error = error.cloned();
            progress.said = Some(said);
            progress.text.shrink_to_fit();
            progress.reasoning.shrink_to_fit();
            let last: Vec<Body<'_>> = super::ids::last_events(finish_reason, error).collect();
            for body in last {
                writer.append(body.name(), |stamp| self.ids.encode(stamp.seq, body));
            }
        });
    }
}
