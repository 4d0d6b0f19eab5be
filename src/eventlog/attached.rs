//! One log on its way to the store: how far the store has it, and what it is to get next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::inner::Inner;
use super::snapshot_due::SnapshotDue;
use super::{Append, Epoch, Event, EventLog, Kind, Lease, Note, Position, Stored, Whole};

/// Events of one log in one batch.
const MOST_EVENTS: usize = 1_000;

/// A state that can be written down, so that another instance can go on from it.
pub trait Snapshot: Send + 'static {
    fn snapshot(&self) -> Bytes;
}

/// A log whatever its state is.
trait Source: Send + Sync {
    fn collect(&self, position: &Position, due: SnapshotDue) -> Option<Collected>;
    fn collect_whole(&self) -> Collected;
    fn release(&self);
    fn release_in(&self, epoch: &Epoch, seq: u64);
    fn forget_stored(&self, up_to: u64);
    fn forget(&self);
    fn has_more(&self, position: &Position) -> bool;
}

struct Collected {
    epoch: Epoch,
    events: Vec<Event>,
    reached: Position,
    snapshot: Option<(u64, Bytes)>,
    notes: Vec<Note>,
    trimmed: u64,
    is_based_on_state: bool,
    is_last: bool,
}

pub(super) struct Attached {
    source: Box<dyn Source>,
    lease: Lease,
    about: Bytes,
    keep: Duration,
    progress: Mutex<Progress>,
    lost: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

struct Progress {
    /// The store has everything up to here.
    stored: Position,
    /// What is on its way reaches up to here.
    sent: Position,
    due: SnapshotDue,
    /// The store knows nothing of the log, or of its epoch.
    whole: bool,
    over: bool,
}

impl Attached {
    pub fn new<S: Snapshot>(
        log: Arc<EventLog<S>>,
        lease: Lease,
        stored: &Stored,
        keep: Duration,
        lost: Box<dyn FnOnce() + Send>,
    ) -> Self {
        let known = log.position_at(&stored.epoch, stored.seq);
        let position = known.clone().unwrap_or_else(|_| log.position());
        Self {
            source: Box::new(log),
            lease,
            about: stored.about.clone(),
            keep,
            progress: Mutex::new(Progress {
                stored: position.clone(),
                sent: position,
                due: SnapshotDue::of(stored),
                whole: known.is_err(),
                over: false,
            }),
            lost: Mutex::new(Some(lost)),
        }
    }

    /// What the store is to get now.
    pub fn next(&self) -> Append {
        let mut progress = self.lock();
        let part = match progress.whole {
            true => None,
            false => self.source.collect(&progress.stored, progress.due),
        };
        let whole = part.is_none();
        let collected = part.unwrap_or_else(|| self.source.collect_whole());
        progress.whole = whole;
        progress.sent = collected.reached;
        Append {
            lease: self.lease.clone(),
            epoch: collected.epoch,
            events: collected.events,
            snapshot: collected.snapshot,
            trimmed: collected.trimmed,
            whole: whole.then(|| Whole {
                about: self.about.clone(),
                is_based_on_state: collected.is_based_on_state,
            }),
            notes: collected.notes,
            ended: collected.is_last.then_some(self.keep),
        }
    }

    /// The store has it. Answers whether that was the end.
    pub fn stored(&self, sent: &Append, seq: u64) -> bool {
        let mut progress = self.lock();
        progress.whole = false;
        progress.stored = progress.sent.clone();
        progress.due.sent(&sent.events, sent.snapshot.as_ref());
        progress.over = sent.ended.is_some();
        let (over, revision) = (progress.over, progress.stored.revision);
        drop(progress);
        let is_only_for_the_store = |event: &Event| event.kind == Kind::Lossy;
        if !sent.notes.is_empty() || sent.events.iter().any(is_only_for_the_store) {
            self.source.forget_stored(revision);
        }
        match over {
            true => self.release(),
            false => self.source.release_in(&sent.epoch, seq),
        }
        over
    }

    /// The store does not know what we thought it knew.
    pub fn start_over(&self) {
        self.lock().whole = true;
    }

    pub fn has_more(&self) -> bool {
        let stored = self.lock().stored.clone();
        self.source.has_more(&stored)
    }

    /// Followers may see all there is.
    pub fn release(&self) {
        self.source.release();
    }

    /// Nobody appends what changes from here on.
    pub fn end(&self) {
        self.source.forget();
        self.release();
    }

    /// Another instance owns the log.
    pub fn lost(&self) {
        let lost = self.lost.lock();
        let call = lost.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(call) = call {
            call();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Snapshot> Source for Arc<EventLog<S>> {
    fn collect(&self, position: &Position, due: SnapshotDue) -> Option<Collected> {
        self.inspect(|inner| {
            let mut events = inner.after(position).ok()?;
            let is_part = events.len() > MOST_EVENTS;
            events.truncate(MOST_EVENTS);
            let reached = match events.last() {
                Some(last) if is_part => Position {
                    epoch: inner.epoch().clone(),
                    seq: last.seq,
                    revision: last.revision,
                },
                _ => inner.position(),
            };
            let is_due = !is_part && due.is_with(&events);
            Some(Collected {
                epoch: inner.epoch().clone(),
                events,
                snapshot: is_due.then(|| (inner.seq(), inner.state().snapshot())),
                notes: inner.notes(position.revision, reached.revision),
                reached,
                trimmed: inner.kept().trimmed(),
                is_based_on_state: false,
                is_last: !is_part && inner.is_closed(),
            })
        })
    }

    fn collect_whole(&self) -> Collected {
        self.inspect(|inner| Collected {
            epoch: inner.epoch().clone(),
            events: inner.kept().all(),
            reached: inner.position(),
            snapshot: Some((inner.seq(), inner.state().snapshot())),
            notes: inner.notes(0, inner.revision()),
            trimmed: inner.kept().trimmed(),
            is_based_on_state: inner.is_based_on_state(),
            is_last: inner.is_closed(),
        })
    }

    fn release(&self) {
        EventLog::release(self, None);
    }

    fn release_in(&self, epoch: &Epoch, seq: u64) {
        EventLog::release_in(self, epoch, seq);
    }

    fn forget_stored(&self, up_to: u64) {
        EventLog::forget_stored(self, up_to);
    }

    fn forget(&self) {
        self.on_change(None);
    }

    fn has_more(&self, position: &Position) -> bool {
        self.inspect(|inner| inner.has_more(position))
    }
}

impl<S> Inner<S> {
    /// Whether something came after a position, the end included.
    fn has_more(&self, position: &Position) -> bool {
        let now = self.position();
        now.epoch != position.epoch || now.seq != position.seq || self.is_closed()
    }
}
