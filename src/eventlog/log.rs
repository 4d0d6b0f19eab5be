//! The log as its writer and its readers hold it: one lock around its state, its events and their
//! numbers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::inner::Inner;
use super::{Bounds, Epoch, Event, Follower, Position, Share, Step, Writer};

/// What was asked for is of another epoch, was trimmed, or has not happened: only a snapshot helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log does not hold what comes after this position")]
pub struct NotInLog;

type OnChange = Arc<dyn Fn() + Send + Sync>;

/// An ordered log with a state `S` that changes together with it. See the module's page.
pub struct EventLog<S> {
    inner: Mutex<Inner<S>>,
    /// Says "there is more": the revision of the newest event. Carries no events.
    news: watch::Sender<u64>,
    /// Called after every change, by whoever appends to a store.
    on_change: Mutex<Option<OnChange>>,
}

impl<S> EventLog<S> {
    pub fn new(epoch: Epoch, state: S, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner::new(epoch, state, bounds)),
            news: watch::Sender::new(0),
            on_change: Mutex::default(),
        })
    }

    /// What it keeps counts towards what many logs keep together.
    pub fn set_share(&self, share: Share) {
        self.lock().set_share(share);
    }

    /// Changes the state and appends events in one step: nobody sees the one without the other.
    /// Keep it short, followers wait meanwhile.
    pub fn write<R>(&self, change: impl FnOnce(&mut Writer<'_, S>) -> R) -> R {
        let (result, revision) = {
            let mut inner = self.lock();
            let result = change(&mut Writer::new(&mut inner));
            (result, inner.revision())
        };
        self.announce(revision);
        result
    }

    /// Looks at the state together with the position it is complete up to. Whoever shows it to
    /// somebody waits for [`shown`](Self::shown) first.
    pub fn read<R>(&self, look: impl FnOnce(&S, Position) -> R) -> R {
        let inner = self.lock();
        look(inner.state(), inner.position())
    }

    pub fn position(&self) -> Position {
        self.lock().position()
    }

    /// How much memory its durable events take, roughly.
    pub fn bytes(&self) -> usize {
        self.lock().kept().bytes()
    }

    /// The place after the durable event `seq` of `epoch`, as a client remembers it.
    pub fn position_at(&self, epoch: &Epoch, seq: u64) -> Result<Position, NotInLog> {
        self.lock().position_at(epoch, seq)
    }

    /// What happened since a position, oldest first: every durable event, the latest conflated
    /// values, the lossy events that are still kept. Also answers the position reached.
    pub fn after(&self, position: &Position) -> Result<(Vec<Event>, Position), NotInLog> {
        let inner = self.lock();
        Ok((inner.after(position)?, inner.position()))
    }

    /// Follows the log from a position on. It need not be in the log any more: then the follower's
    /// first step is [`Step::Behind`].
    pub fn follow(self: &Arc<Self>, position: Position) -> Follower<S> {
        Follower::new(Arc::clone(self), self.news.subscribe(), position)
    }

    /// Starts a new epoch: everything kept is forgotten, numbers begin again, followers are told.
    pub fn restart(&self, epoch: Epoch, state: S) {
        self.write(|writer| {
            writer.restart(epoch);
            *writer.state() = state;
        });
    }

    /// Nothing will be written any more: followers end after the last event.
    pub fn close(&self) {
        let revision = self.change(Inner::close);
        self.announce(revision);
    }

    pub fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    /// From now on followers are shown only what was [released](Self::release): for a start
    /// everything up to `seq`.
    pub fn hold_back(&self, seq: u64) {
        self.release(Some(seq));
    }

    /// Followers may see everything up to the durable event `seq`; `None`: all there is and will be.
    pub fn release(&self, seq: Option<u64>) {
        let revision = self.change(|inner| inner.release(seq));
        self.tell(revision);
    }

    /// What waits to be shown never will be: another instance owns the log, and the store refused it.
    pub fn forget_unshown(&self) {
        self.lock().forget_unshown();
    }

    /// Waits until followers may see everything up to a position, or it is of a former epoch.
    pub async fn shown(&self, position: &Position) {
        let mut news = self.news.subscribe();
        // The log has the sender: it cannot be gone.
        let _ = news.wait_for(|_| self.lock().shows(position)).await;
    }

    /// Sets what is called after every change, in place of what was.
    pub(super) fn on_change(&self, call: Option<OnChange>) {
        *self.lock_on_change() = call;
    }

    /// As [`release`](Self::release), unless the log has begun another epoch since.
    pub(super) fn release_in(&self, epoch: &Epoch, seq: u64) {
        let revision = self.change(|inner| {
            if inner.epoch() == epoch {
                inner.release(Some(seq));
            }
        });
        self.tell(revision);
    }

    pub(super) fn forget_stored(&self, up_to: u64) {
        self.lock().forget_stored(up_to);
    }

    pub(super) fn step(&self, position: &Position) -> Option<Step> {
        let inner = self.lock();
        match inner.next_after(position) {
            Err(NotInLog) => Some(Step::Behind),
            Ok(Some(event)) => Some(Step::Event(event)),
            Ok(None) if inner.is_over() => Some(Step::Closed),
            Ok(None) => None,
        }
    }

    pub(super) fn inspect<R>(&self, look: impl FnOnce(&Inner<S>) -> R) -> R {
        look(&self.lock())
    }

    fn change(&self, change: impl FnOnce(&mut Inner<S>)) -> u64 {
        let mut inner = self.lock();
        change(&mut inner);
        inner.revision()
    }

    /// Tells followers that there may be more for them.
    fn tell(&self, revision: u64) {
        // Writers tell after the lock is gone, so a later one may come first.
        self.news.send_if_modified(|seen| {
            let newer = revision > *seen;
            *seen = revision.max(*seen);
            newer
        });
    }

    /// Tells followers, and whoever appends to a store.
    fn announce(&self, revision: u64) {
        self.tell(revision);
        let call = self.lock_on_change().clone();
        if let Some(call) = call {
            call();
        }
    }

    fn lock_on_change(&self) -> MutexGuard<'_, Option<OnChange>> {
        let on_change = self.on_change.lock();
        on_change.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        // A writer that panicked left whole events behind: each is stored in one step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
