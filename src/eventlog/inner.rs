//! What the lock of a log guards: the state, the events that are [`Kept`], and what of them may be
//! shown.

use std::collections::VecDeque;

use bytes::Bytes;
use bytestring::ByteString;

use super::kept::Kept;
use super::{Bounds, Epoch, Event, Kind, NotInLog, Note, Position, Share, Stamp};

/// Notes of one log that the store does not have yet; the oldest goes first.
const MOST_NOTES: usize = 1_000;

/// What is to happen when followers may see the durable event of that number.
type WhenShown = (u64, Box<dyn FnOnce() + Send>);

pub struct Inner<S> {
    state: S,
    epoch: Epoch,
    kept: Kept,
    closed: bool,
    /// Counts everything that may be news to somebody.
    revision: u64,
    /// The last durable event that followers may see; `None`: all of them.
    released: Option<u64>,
    /// The epoch began with a state that its events alone do not make.
    is_based_on_state: bool,
    when_shown: VecDeque<WhenShown>,
    /// With the revisions they were made at.
    notes: VecDeque<(u64, Note)>,
}

impl<S> Inner<S> {
    pub fn new(epoch: Epoch, state: S, bounds: Bounds) -> Self {
        Self {
            state,
            epoch,
            kept: Kept::new(bounds),
            closed: false,
            revision: 0,
            released: None,
            is_based_on_state: false,
            when_shown: VecDeque::new(),
            notes: VecDeque::new(),
        }
    }

    pub fn state(&self) -> &S {
        &self.state
    }

    pub fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    pub fn set_share(&mut self, share: Share) {
        self.kept.set_share(share);
    }

    /// The last durable event's number.
    pub fn seq(&self) -> u64 {
        self.kept.seq()
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn position(&self) -> Position {
        Position {
            epoch: self.epoch.clone(),
            seq: self.seq(),
            revision: self.revision,
        }
    }

    pub fn is_based_on_state(&self) -> bool {
        self.is_based_on_state
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Closed, and everything was shown.
    pub fn is_over(&self) -> bool {
        self.closed && self.may_show(self.seq())
    }

    pub fn close(&mut self) {
        self.closed = true;
        self.revision += 1;
        self.kept.close();
    }
}

/// Writing.
impl<S> Inner<S> {
    pub fn add<B: Into<Bytes>>(
        &mut self,
        kind: Kind,
        key: Option<&str>,
        name: ByteString,
        encode: impl FnOnce(Stamp<'_>) -> B,
    ) {
        let seq = self.seq() + u64::from(kind == Kind::Durable);
        let epoch = &self.epoch;
        let body = encode(Stamp { epoch, seq }).into();
        self.revision += 1;
        let event = Event {
            kind,
            seq,
            name,
            key: key.map(Into::into),
            body,
            revision: self.revision,
        };
        self.kept.add(event, self.released);
    }

    /// Goes on where another writer's history stands. What waited here was never part of it.
    pub fn adopt(&mut self, epoch: Epoch, seq: u64) {
        self.when_shown.clear();
        self.notes.clear();
        self.restart(epoch, seq);
    }

    /// Begins an epoch with the state as it is: what its viewers were told is complete up to here.
    pub fn begin_epoch(&mut self, epoch: Epoch) {
        // What comes before the new epoch is shown before it.
        for (_, act) in self.when_shown.drain(..) {
            act();
        }
        self.restart(epoch, 0);
        self.is_based_on_state = true;
    }

    fn restart(&mut self, epoch: Epoch, seq: u64) {
        self.is_based_on_state = seq > 0;
        self.epoch = epoch;
        self.revision += 1;
        self.released = self.released.map(|_| seq);
        self.kept.restart(seq, self.revision);
        self.closed = false;
    }

    pub fn note(&mut self, note: Note) {
        self.revision += 1;
        self.notes.push_back((self.revision, note));
        if self.notes.len() > MOST_NOTES {
            self.notes.pop_front();
        }
    }

    /// The notes made since a position, up to another.
    pub fn notes(&self, after: u64, up_to: u64) -> Vec<Note> {
        let made = self.notes.iter();
        made.filter(|(revision, _)| *revision > after && *revision <= up_to)
            .map(|(_, note)| note.clone())
            .collect()
    }

    /// The store has everything up to a revision: what is kept only for the store goes.
    pub fn forget_stored(&mut self, up_to: u64) {
        self.notes.retain(|(revision, _)| *revision > up_to);
        self.kept.forget_sent(up_to);
    }
}

/// Showing.
impl<S> Inner<S> {
    pub fn release(&mut self, seq: Option<u64>) {
        self.released = seq;
        self.revision += 1;
        while let Some((seq, _)) = self.when_shown.front()
            && self.may_show(*seq)
        {
            if let Some((_, act)) = self.when_shown.pop_front() {
                act();
            }
        }
    }

    /// Calls `act` when followers may see all that there is now, at once if they may already.
    pub fn when_shown(&mut self, act: impl FnOnce() + Send + 'static) {
        let seq = self.seq();
        if self.when_shown.is_empty() && self.may_show(seq) {
            act();
        } else {
            self.when_shown.push_back((seq, Box::new(act)));
        }
    }

    pub fn forget_unshown(&mut self) {
        self.when_shown.clear();
    }

    pub fn shows(&self, position: &Position) -> bool {
        position.epoch != self.epoch || self.may_show(position.seq)
    }

    fn may_show(&self, seq: u64) -> bool {
        self.released.is_none_or(|released| seq <= released)
    }
}

/// Reading.
impl<S> Inner<S> {
    pub fn position_at(&self, epoch: &Epoch, seq: u64) -> Result<Position, NotInLog> {
        self.is_of(epoch)?;
        Ok(Position {
            epoch: epoch.clone(),
            seq,
            revision: self.kept.revision_at(seq)?,
        })
    }

    /// The next event that a follower may see.
    pub fn next_after(&self, position: &Position) -> Result<Option<Event>, NotInLog> {
        self.is_of(&position.epoch)?;
        let next = self.kept.next_after(position.seq, position.revision)?;
        Ok(next.filter(|event| self.may_show(event.seq)).cloned())
    }

    pub fn after(&self, position: &Position) -> Result<Vec<Event>, NotInLog> {
        self.is_of(&position.epoch)?;
        self.kept.after(position.seq, position.revision)
    }

    fn is_of(&self, epoch: &Epoch) -> Result<(), NotInLog> {
        match *epoch == self.epoch {
            true => Ok(()),
            false => Err(NotInLog),
        }
    }
}
