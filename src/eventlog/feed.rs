//! Follows logs that other instances write: reads what the store has, then takes what is fed, and
//! reads again whenever something may have been lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dashmap::DashMap;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::followed::Followed;
use super::{Epoch, Event, Fed, LogName, LogStore, StoreError, Stored};

/// How long a store that failed is left alone before a log is read again.
const PAUSE: Duration = Duration::from_millis(500);
/// After this long without a trace of it a log is lost.
const LOST_AFTER: Duration = Duration::from_secs(20);

/// This instance's copy of a log. It is told everything in order, without a gap and without a double.
pub trait Replica: Send + Sync {
    /// Takes what the store holds in place of everything told before.
    fn replace(&self, stored: &Stored);

    /// Takes events that come directly after what was told before. Others than durable ones may be
    /// among them.
    fn extend(&self, events: &[Event]);

    /// Nothing more will come: the log has ended, or it is lost with its owner and its store.
    fn end(&self);
}

/// What this instance follows. One for an instance.
pub struct Feed {
    store: Arc<dyn LogStore>,
    followed: DashMap<LogName, Arc<Followed>, ahash::RandomState>,
}

impl Feed {
    pub fn new(store: Arc<dyn LogStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            followed: DashMap::default(),
        })
    }

    /// Reads a log and keeps the replica that `make` makes of it up to date as long as that lives.
    /// `None`: the store has no such log, or `make` did not want it.
    pub async fn follow<R: Replica + 'static>(
        &self,
        log: &LogName,
        make: impl FnOnce(&Stored) -> Option<Arc<R>>,
    ) -> Result<Option<Arc<R>>, StoreError> {
        let followed = Arc::new(Followed::new(log));
        self.followed.insert(log.clone(), followed.clone());
        let made = self.begin(&followed, make).await;
        if !matches!(made, Ok(Some(_))) {
            self.forget(&followed);
        }
        made
    }

    async fn begin<R: Replica + 'static>(
        &self,
        followed: &Arc<Followed>,
        make: impl FnOnce(&Stored) -> Option<Arc<R>>,
    ) -> Result<Option<Arc<R>>, StoreError> {
        let stored = self.store.read(&followed.log, None, true).await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let Some(replica) = make(&stored) else {
            return Ok(None);
        };
        replica.replace(&stored);
        let followable: Arc<dyn Replica> = replica.clone();
        let _ = followed.replica.set(Arc::downgrade(&followable));
        followed.begin(&stored);
        if stored.ended {
            replica.end();
            self.forget(followed);
        } else if followed.missed.load(Ordering::Acquire) {
            self.read(followed).await?;
        }
        Ok(Some(replica))
    }

    /// A log is not followed any more.
    pub fn unfollow(&self, log: &LogName) {
        self.followed.remove(log);
    }

    /// Takes what is fed for ever.
    pub async fn run(self: Arc<Self>) {
        let mut feed = self.store.feed();
        let mut returns = self.store.returns();
        loop {
            let fed = tokio::select! {
                fed = feed.next() => fed,
                Ok(()) = returns.changed() => Some(Fed::Lost),
            };
            match fed {
                Some(Fed::Events {
                    log,
                    epoch,
                    events,
                    ended,
                }) => self.take(&log, &epoch, &events, ended),
                Some(Fed::Lost) => self.read_all(),
                None => return,
            }
        }
    }

    fn take(self: &Arc<Self>, log: &LogName, epoch: &Epoch, events: &[Event], ended: bool) {
        let Some(followed) = self.followed.get(log).map(|found| found.clone()) else {
            return;
        };
        let Some(replica) = followed.replica() else {
            // It is being read for the first time, or nobody wants it any more.
            followed.missed.store(true, Ordering::Release);
            if followed.replica.get().is_some() {
                self.forget(&followed);
            }
            return;
        };
        match followed.extend(replica.as_ref(), epoch, events) {
            true if ended => {
                replica.end();
                self.forget(&followed);
            }
            true => {}
            false => self.read_later(followed),
        }
    }

    fn read_all(self: &Arc<Self>) {
        let all: Vec<_> = self.followed.iter().map(|found| found.clone()).collect();
        for followed in all {
            followed.missed.store(true, Ordering::Release);
            if followed.replica.get().is_some() {
                self.read_later(followed);
            }
        }
    }

    /// Reads a log until that succeeds. A store that came back empty gets it again from its owner.
    fn read_later(self: &Arc<Self>, followed: Arc<Followed>) {
        let feed = self.clone();
        tokio::spawn(async move {
            let mut missing_since = None;
            loop {
                match feed.read(&followed).await {
                    Ok(true) => return,
                    Ok(false) => {
                        let since = *missing_since.get_or_insert_with(Instant::now);
                        if since.elapsed() > LOST_AFTER {
                            return feed.give_up(&followed);
                        }
                    }
                    Err(error) => {
                        missing_since = None;
                        debug!(log = ?followed.log, %error, "a log cannot be read for now");
                    }
                }
                sleep(PAUSE).await;
            }
        });
    }

    fn give_up(&self, followed: &Arc<Followed>) {
        warn!(log = ?followed.log, "a log is lost");
        if let Some(replica) = followed.replica() {
            replica.end();
        }
        self.forget(followed);
    }

    /// Tells the copy what the store has and the copy has not.
    async fn read(&self, followed: &Arc<Followed>) -> Result<bool, StoreError> {
        let _reading = followed.reading.lock().await;
        loop {
            let place = followed.place();
            if place.is_some() && !followed.missed.swap(false, Ordering::AcqRel) {
                return Ok(true);
            }
            followed.missed.store(false, Ordering::Release);
            let after = place.as_ref().map(|(epoch, seq)| (epoch, *seq));
            let stored = self.store.read(&followed.log, after, true).await;
            let stored = stored.inspect_err(|_| followed.missed.store(true, Ordering::Release))?;
            let Some(stored) = stored else {
                followed.missed.store(true, Ordering::Release);
                return Ok(false);
            };
            let Some(replica) = followed.replica() else {
                self.forget(followed);
                return Ok(true);
            };
            followed.take_stored(replica.as_ref(), &stored);
            if stored.ended {
                replica.end();
                self.forget(followed);
                return Ok(true);
            }
        }
    }

    fn forget(&self, followed: &Arc<Followed>) {
        self.followed
            .remove_if(&followed.log, |_, found| Arc::ptr_eq(found, followed));
    }
}
