//! A reader's place in a log.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Event, EventLog, Position};

/// What a follower meets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Event(Event),
    /// The log no longer holds what comes next, or it started a new epoch. Take a snapshot with
    /// [`EventLog::read`] and go on from its position with [`Follower::jump`].
    Behind,
    /// Nothing will come any more.
    Closed,
}

/// Reads a log in order: first what is there, then what comes. Holds a place, not a queue.
pub struct Follower<S> {
    log: Arc<EventLog<S>>,
    news: watch::Receiver<u64>,
    position: Position,
}

impl<S> Follower<S> {
    pub(super) fn new(
        log: Arc<EventLog<S>>,
        news: watch::Receiver<u64>,
        position: Position,
    ) -> Self {
        Self {
            log,
            news,
            position,
        }
    }

    /// Waits for the next step. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Step {
        loop {
            // Marked as seen before looking: what is written in between wakes us again.
            self.news.borrow_and_update();
            if let Some(step) = self.try_next() {
                return step;
            }
            if self.news.changed().await.is_err() {
                return Step::Closed;
            }
        }
    }

    /// The next step if there is one now.
    pub fn try_next(&mut self) -> Option<Step> {
        let step = self.log.step(&self.position)?;
        if let Step::Event(event) = &step {
            self.position.seq = event.seq;
            self.position.revision = event.revision;
        }
        Some(step)
    }

    /// Goes on from another position, usually that of a snapshot.
    pub fn jump(&mut self, position: Position) {
        self.position = position;
    }

    /// Everything up to here was handed out.
    pub fn position(&self) -> &Position {
        &self.position
    }

    pub fn log(&self) -> &Arc<EventLog<S>> {
        &self.log
    }
}
