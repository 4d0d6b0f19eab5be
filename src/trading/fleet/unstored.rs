//! Logs that were made here while the store was away: written by this instance alone until the store
//! has them, or has another of the same name.
//!
//! When the store is back the first to acquire a name stays its writer, and what it wrote is stored
//! as a whole. Whoever comes later, or finds one that the store had all the time, gives way: its
//! viewers are shown the writer's log, whose epoch is another, and the writer is told of its workers.
//! What was reported to the log that gave way is not carried over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};

use super::copies::is_removed;
use super::requests::{Reply, Request};
use super::{Fleet, Mine, index, name};
use crate::eventlog::{Acquired, Epoch, EventLog, Expected, Lease, StoreError, Stored};
use crate::redis::State;
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::subject::{About, Subject};

/// How long a new log waits for the first attempt to connect: another instance may have it.
const FIRST_ATTEMPT: Duration = Duration::from_secs(1);
/// How often it is looked whether the store is back.
const EVERY: Duration = Duration::from_millis(500);
/// A store that came back empty gets first what it had before.
const OLDER_FIRST: Duration = Duration::from_secs(2);
/// Logs given to the store side by side.
const SIDE_BY_SIDE: usize = 64;
/// How long, and how often, a writer is told of workers.
const TELLING: Duration = Duration::from_secs(60);
const BETWEEN: Duration = Duration::from_millis(500);

impl<S: Subject> Fleet<S> {
    pub(super) async fn first_attempt(&self) {
        let mut state = self.logs.redis.watch();
        let is_over = state.wait_for(|state| !matches!(state, State::Connecting));
        let _ = timeout(FIRST_ATTEMPT, is_over).await;
    }

    /// Acquires a log for one who begins it: of a removed one nothing is left.
    pub(super) async fn acquire_new(&self, id: &Id, about: &[u8]) -> Result<Acquired, StoreError> {
        let (log, nobody) = (name::<S>(id), Expected::Nobody);
        let acquire = || {
            let about = bytes::Bytes::copy_from_slice(about);
            self.logs.store.acquire(&log, about, nobody)
        };
        let acquired = acquire().await?;
        if let Acquired::Yes(lease, stored) = &acquired
            && is_removed::<S>(stored)
        {
            self.logs.store.remove(lease).await?;
            return acquire().await;
        }
        Ok(acquired)
    }
}

impl<S: Subject> Live<S> {
    /// Makes a log that the store does not know of.
    pub(super) fn begin_unstored(&self, fleet: &Fleet<S>, id: &Id, about: &About) {
        tracing::warn!(kind = S::KIND, %id, "made without the store, which gets it later");
        let log = self.make(id, about, Epoch::random());
        fleet.mine.insert(id.clone(), Mine { inherited: None });
        fleet.unstored.insert(id.clone(), about.clone());
        self.add(id, &log);
    }

    /// Gives the store what it does not know of whenever it is back, for ever.
    pub(super) async fn keep_unstored(self: &Arc<Self>, fleet: &Fleet<S>) {
        let mut up_since = None;
        loop {
            sleep(EVERY).await;
            if !fleet.logs.redis.state().is_up() {
                up_since = None;
                continue;
            }
            let since: Instant = *up_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= OLDER_FIRST && !fleet.unstored.is_empty() {
                self.store_all(fleet).await;
            }
        }
    }

    async fn store_all(self: &Arc<Self>, fleet: &Fleet<S>) {
        let unstored = fleet.unstored.iter();
        let unstored: Vec<(Id, About)> = unstored
            .map(|entry| (entry.key().clone(), entry.value().clone()))
            .collect();
        let stored = stream::iter(unstored).map(async |(id, about)| {
            let stored = self.store_one(fleet, &id, &about).await;
            let stored = stored.inspect_err(|error| {
                tracing::debug!(%id, %error, "a log is stored later");
            });
            matches!(stored, Ok(true)).then_some(id)
        });
        let stored = stored.buffer_unordered(SIDE_BY_SIDE);
        let mine: Vec<Id> = stored.filter_map(async |id| id).collect().await;
        if !mine.is_empty() {
            index::announce(fleet, &mine);
        }
    }

    /// Answers whether this instance is the writer from now on.
    async fn store_one(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        id: &Id,
        about: &About,
    ) -> Result<bool, StoreError> {
        let _turn = fleet.turn(id).await;
        let log = match self.find(id) {
            Ok(log) if fleet.owns(id) => log,
            // It was removed meanwhile.
            _ => {
                fleet.unstored.remove(id);
                return Ok(false);
            }
        };
        // Plain values encode.
        let about = serde_json::to_vec(about).unwrap_or_default();
        let (lease, stored) = match fleet.acquire_new(id, &about).await? {
            Acquired::Yes(lease, stored) => (lease, stored),
            Acquired::Held { .. } => {
                self.give_way(fleet, id, &log).await?;
                return Ok(false);
            }
        };
        if !fleet.owns(id) {
            fleet.unstored.remove(id);
            fleet.logs.store.remove(&lease).await?;
            return Ok(false);
        }
        fleet.unstored.remove(id);
        let is_new = stored.seq == 0 && stored.events.is_empty() && stored.snapshot.is_none();
        if is_new {
            self.own(fleet, id, &log, lease, &stored, None);
            // Others are told when there is something to be read.
            log.shown(&log.position()).await;
        } else {
            self.go_on(fleet, id, &log, (lease, &stored)).await;
        }
        Ok(true)
    }

    /// The store has one that nobody writes: this instance goes on with that.
    async fn go_on(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        id: &Id,
        unstored: &Arc<EventLog<S>>,
        (lease, stored): (Lease, &Stored),
    ) {
        self.drop_unstored(fleet, id, unstored);
        let log = self.copy(id, stored).log.clone();
        let inherited = Some(std::time::Instant::now());
        self.own(fleet, id, &log, lease, stored, inherited);
        self.write(&log, S::on_taken_over);
        self.find_workers(fleet, std::slice::from_ref(id)).await;
    }

    /// Another instance writes one of that name: from now on there is a copy of it here.
    async fn give_way(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        id: &Id,
        unstored: &Arc<EventLog<S>>,
    ) -> Result<(), StoreError> {
        let gave_way = self
            .follow(fleet, id, || self.drop_unstored(fleet, id, unstored))
            .await?;
        if gave_way {
            tracing::warn!(kind = S::KIND, %id, "gave way to another instance's log");
            let (live, id) = (self.clone(), id.clone());
            let telling = async move { live.tell_of_workers(&id).await };
            fleet.logs.redis.spawn(telling);
        }
        Ok(())
    }

    fn drop_unstored(&self, fleet: &Fleet<S>, id: &Id, log: &Arc<EventLog<S>>) {
        fleet.unstored.remove(id);
        fleet.mine.remove(id);
        self.with_copy_removed(id, log);
    }

    /// Tells a log's writer who works for it here.
    async fn tell_of_workers(self: Arc<Self>, id: &Id) {
        let Some(fleet) = &self.fleet else { return };
        let deadline = Instant::now() + TELLING;
        // Who takes a log over asks by itself.
        while !fleet.owns(id) && Instant::now() < deadline {
            let posts = self.workers.posts(&HashSet::from([&**id]));
            if posts.is_empty() {
                return;
            }
            let owner = fleet.copies.get(id).and_then(|copy| copy.owner());
            if let Some(owner) = owner {
                let id = id.to_string();
                let working = Request::Working { id, posts };
                if let Ok(Reply::Done(_)) = fleet.ask(&owner, &working).await {
                    return;
                }
            }
            sleep(BETWEEN).await;
            self.look_for_writer(fleet, id).await;
        }
    }
}
