//! One log that this instance follows: how far its copy is, and what can be joined to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::place::Place;
use super::{Epoch, Event, LogName, Replica, Stored};

pub(super) struct Followed {
    pub log: LogName,
    pub replica: OnceLock<Weak<dyn Replica>>,
    /// How far the copy is; `None` until it has been told of the log for the first time.
    place: Mutex<Option<Place>>,
    /// What came cannot be joined to what is known: the log must be read.
    pub missed: AtomicBool,
    /// Somebody is reading it.
    pub reading: tokio::sync::Mutex<()>,
}

impl Followed {
    pub fn new(log: &LogName) -> Self {
        Self {
            log: log.clone(),
            replica: OnceLock::new(),
            place: Mutex::default(),
            missed: AtomicBool::new(false),
            reading: tokio::sync::Mutex::default(),
        }
    }

    pub fn replica(&self) -> Option<Arc<dyn Replica>> {
        self.replica.get()?.upgrade()
    }

    /// The epoch and the last durable event that the copy has.
    pub fn place(&self) -> Option<(Epoch, u64)> {
        let place = self.lock_place();
        place.as_ref().map(|place| (place.epoch.clone(), place.seq))
    }

    /// The copy was told of the log for the first time.
    pub fn begin(&self, stored: &Stored) {
        *self.lock_place() = Some(Place::of(stored));
    }

    /// Joins events to what the copy has. False: they do not fit.
    pub fn extend(&self, replica: &dyn Replica, epoch: &Epoch, events: &[Event]) -> bool {
        let mut place = self.lock_place();
        let fits = place.as_mut().filter(|place| place.epoch == *epoch);
        let Some(news) = fits.and_then(|place| place.news(events)) else {
            self.missed.store(true, Ordering::Release);
            return false;
        };
        replica.extend(&news);
        true
    }

    pub fn take_stored(&self, replica: &dyn Replica, stored: &Stored) {
        let mut place = self.lock_place();
        let fits = place.as_mut().filter(|place| place.epoch == stored.epoch);
        let fits = fits.filter(|_| stored.snapshot.is_none());
        match fits.and_then(|place| place.news(&stored.events)) {
            Some(news) => replica.extend(&news),
            None => {
                replica.replace(stored);
                *place = Some(Place::of(stored));
            }
        }
    }

    fn lock_place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
