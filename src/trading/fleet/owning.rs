//! Logs that this instance writes: made, taken over, let go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::copies::{about, is_removed};
use super::{Fleet, Mine, index, name, unavailable};
use crate::eventlog::{Acquired, EventLog, Expected, Lease, StoreError, Stored};
use crate::problem::Problem;
use crate::redis::InstanceId;
use crate::trading::idempotency::{LIFETIME, noted};
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::presence::moved;
use crate::trading::subject::Subject;

/// How long the store keeps what was removed, for instances that have not heard of it.
const KEEP_REMOVED: Duration = Duration::from_secs(60);

impl<S: Subject> Live<S> {
    /// Makes a log, or learns who has it. While the store is away it is made all the same.
    pub(super) async fn begin(self: &Arc<Self>, fleet: &Fleet<S>, id: &Id) -> Result<(), Problem> {
        self.check_room()?;
        fleet.first_attempt().await;
        let turn = fleet.turn(id).await;
        if self.is_known(id) {
            return Ok(());
        }
        let about = S::about(&self.shared, self.clock.now());
        // Plain values encode.
        let told = serde_json::to_vec(&about).unwrap_or_default();
        match fleet.acquire_new(id, &told).await {
            Ok(Acquired::Yes(lease, stored)) => {
                let log = self.copy(id, &stored).log.clone();
                self.own(fleet, id, &log, lease, &stored, None);
                index::announce::<S>(fleet, std::slice::from_ref(id));
                Ok(())
            }
            Ok(Acquired::Held { .. }) => {
                drop(turn);
                self.discover(id).await.map_err(|error| unavailable(&error))
            }
            Err(StoreError::Unavailable) => {
                self.begin_unstored(fleet, id, &about);
                Ok(())
            }
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Goes on where another left off. False: somebody else did.
    pub(super) async fn take_over(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        id: &Id,
        from: Expected<'_>,
        was_away: bool,
    ) -> Result<bool, StoreError> {
        let _turn = fleet.turn(id).await;
        if fleet.owns(id) {
            return Ok(false);
        }
        let log = name::<S>(id);
        let acquired = fleet.logs.store.acquire(&log, bytes::Bytes::new(), from);
        let (lease, stored) = match acquired.await? {
            Acquired::Yes(lease, stored) => (lease, stored),
            Acquired::Held { owner } => {
                if let Some(copy) = fleet.copies.get(id) {
                    copy.set_owner(Some(InstanceId::new(&owner)));
                }
                return Ok(false);
            }
        };
        if is_removed::<S>(&stored) || about(&stored).is_none() {
            fleet.logs.store.remove(&lease).await?;
            return Ok(false);
        }
        fleet.logs.feed.unfollow(&log);
        let copy = fleet.copies.get(id).map(|copy| copy.clone());
        let log = match copy {
            Some(copy) => {
                copy.catch_up(&stored);
                copy.log.clone()
            }
            None => self.copy(id, &stored).log.clone(),
        };
        self.own(fleet, id, &log, lease, &stored, Some(Instant::now()));
        self.write(&log, |scribe| {
            S::on_taken_over(scribe);
            if was_away {
                // What its writer acknowledged meanwhile may not be in the log.
                scribe.restart();
                scribe.show_snapshot();
            }
        });
        Ok(true)
    }

    pub(super) fn own(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        id: &Id,
        log: &Arc<EventLog<S>>,
        lease: Lease,
        stored: &Stored,
        inherited: Option<Instant>,
    ) {
        fleet.mine.insert(id.clone(), Mine { inherited });
        fleet.copies.remove(id);
        let (live, lost_id, lost_log) = (Arc::downgrade(self), id.clone(), log.clone());
        let lost = move || {
            if let Some(live) = live.upgrade() {
                live.lost(&lost_id, &lost_log);
            }
        };
        let appender = &fleet.logs.appender;
        appender.attach(log, lease, stored, KEEP_REMOVED, lost);
    }

    /// Another instance took the log over while this one was cut off: what that one wrote counts.
    fn lost(self: &Arc<Self>, id: &Id, log: &Arc<EventLog<S>>) {
        let Some(fleet) = &self.fleet else { return };
        tracing::warn!(kind = S::KIND, %id, "another instance has taken a log over");
        fleet.mine.remove(id);
        log.forget_unshown();
        self.end_registration(id, |_| true);
        self.forget(id, log);
        self.write_copy(log, None, |scribe| {
            S::on_removed(scribe.shared, scribe.state());
        });
        let (live, id) = (self.clone(), id.clone());
        fleet.logs.redis.spawn(async move {
            if let Err(error) = live.discover(&id).await {
                tracing::warn!(%id, %error, "a log is looked for later");
            }
        });
    }

    /// Waits until the store has what was written, as long as it answers. Fails if it never will.
    pub(super) async fn kept(&self, id: &str, log: &EventLog<S>) -> Result<(), Problem> {
        let Some(fleet) = &self.fleet else {
            return Ok(());
        };
        log.shown(&log.position()).await;
        match fleet.owns(id) {
            true => Ok(()),
            false => Err(moved()),
        }
    }

    /// A removed one is gone when the store knows.
    pub(super) async fn gone(&self, id: &Id, log: &Arc<EventLog<S>>) -> Result<(), Problem> {
        let kept = self.kept(id, log).await;
        self.forget(id, log);
        if let Some(fleet) = &self.fleet {
            fleet.mine.remove(id);
        }
        kept
    }

    /// Whoever had the log before may have answered this key.
    pub(super) async fn recall(&self, id: &Id, key: &str) -> Result<(), Problem> {
        let Some(fleet) = &self.fleet else {
            return Ok(());
        };
        let inherited = fleet.mine.get(id).and_then(|mine| mine.inherited);
        let is_recent = inherited.is_some_and(|at| at.elapsed() < Duration::from_millis(LIFETIME));
        if !is_recent || self.idempotency().knows(id, key) {
            return Ok(());
        }
        let note = fleet.logs.store.note(&name::<S>(id), key).await;
        let note = note.map_err(|error| unavailable(&error))?;
        if let Some((fingerprint, receipt)) = note.and_then(|note| noted(&note)) {
            let remembered = (receipt.clone(), 8 * receipt.seqs.len());
            let now = self.clock.now();
            let mut idempotency = self.idempotency();
            if !idempotency.knows(id, key) {
                idempotency.remember(id, key, fingerprint, remembered, now);
            }
        }
        Ok(())
    }
}
