//! One log that this instance follows: how far its copy is, and what can be joined to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::{Epoch, Event, Kind, LogName, Replica, Stored};

pub(super) struct Followed {
    pub log: LogName,
    pub replica: OnceLock<Weak<dyn Replica>>,
    /// How far the copy is; `None` until it has been told of the log for the first time.
    pub place: Mutex<Option<(Epoch, u64)>>,
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

    pub fn place(&self) -> Option<(Epoch, u64)> {
        self.lock_place().clone()
    }

    pub fn lock_place(&self) -> MutexGuard<'_, Option<(Epoch, u64)>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins events to what the copy has. False: they do not fit.
    pub fn extend(&self, replica: &dyn Replica, epoch: &Epoch, events: &[Event]) -> bool {
        let mut place = self.lock_place();
        let fits = place.as_mut().filter(|(known, _)| known == epoch);
        let news = fits.and_then(|(_, seq)| news(seq, events));
        let Some(news) = news else {
            self.missed.store(true, Ordering::Release);
            return false;
        };
        replica.extend(&news);
        true
    }

    pub fn take_stored(&self, replica: &dyn Replica, stored: &Stored) {
        let mut place = self.lock_place();
        let fits = place.as_mut().filter(|(known, _)| *known == stored.epoch);
        let fits = fits.filter(|_| stored.snapshot.is_none());
        match fits.and_then(|(_, seq)| news(seq, &stored.events)) {
            Some(news) => replica.extend(&news),
            None => {
                replica.replace(stored);
                *place = Some((stored.epoch.clone(), stored.seq));
            }
        }
    }
}

/// The events after `seq`, which then stands at the last of them. `None`: there is a gap.
fn news(seq: &mut u64, events: &[Event]) -> Option<Vec<Event>> {
    let mut reached = *seq;
    let mut news = Vec::with_capacity(events.len());
    for event in events {
        match event.kind {
            Kind::Durable if event.seq <= reached => continue,
            Kind::Durable if event.seq == reached + 1 => reached = event.seq,
            Kind::Durable => return None,
            _ if event.seq < reached => continue,
            _ => {}
        }
        news.push(event.clone());
    }
    *seq = reached;
    Some(news)
}
