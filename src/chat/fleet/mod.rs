//! What makes the runs of all instances one server's: a run's log is shared through the store, its
//! lease says who produces it, and others follow it, cancel it, or end it when its producer has died.
//!
//! Without Redis there is only this instance, and nothing here does anything.

mod cancelling;
mod following;
mod notices;
mod orphans;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::service::ChatService;
use super::store::{Claim, StoreError};
use super::{ConversationId, Run, RunId, UserId};
use crate::eventlog::{
    self, Acquired, Appender, Epoch, Expected, Feed, Lease, LogName, LogStore, SharedLogs, Stored,
    Tail,
};
use crate::redis::{Instances, RedisService};

/// What kind of log a run's is.
const KIND: &str = "chat";
/// Runs that begin to be followed at the same time.
const FOLLOWING: usize = 64;

/// This instance among the others, as far as chat is concerned.
pub struct Fleet {
    shared: Option<Shared>,
}

struct Shared {
    redis: RedisService,
    instances: Arc<Instances>,
    logs: Arc<dyn LogStore>,
    appender: Arc<Appender>,
    feed: Arc<Feed>,
    /// Held, by the run's id, while a run begins to be followed.
    following: [Mutex<()>; FOLLOWING],
}

/// What a log tells of its run to an instance that finds it.
#[derive(Clone, Serialize, Deserialize)]
pub struct About {
    pub user: UserId,
    #[serde(flatten)]
    pub claim: Claim,
}

/// A run's log before the run is there.
pub struct Share(Option<(Lease, Stored)>);

impl Share {
    pub fn epoch(&self) -> Epoch {
        match &self.0 {
            Some((_, stored)) => stored.epoch.clone(),
            None => Epoch::random(),
        }
    }
}

impl Fleet {
    /// There is nobody else.
    pub fn alone() -> Self {
        Self { shared: None }
    }

    /// Whoever made `logs` runs them.
    pub fn new(logs: SharedLogs) -> Self {
        Self {
            shared: Some(Shared {
                appender: logs.appender,
                feed: logs.feed,
                redis: logs.redis,
                instances: logs.instances,
                logs: logs.store,
                following: std::array::from_fn(|_| Mutex::default()),
            }),
        }
    }

    /// Begins the work for the others, on the service's runtime.
    pub(super) fn serve(&self, service: &Arc<ChatService>) {
        let Some(shared) = &self.shared else {
            return;
        };
        cancelling::serve(&shared.instances, service);
        notices::serve(shared, service);
        orphans::serve(shared, service);
    }

    /// Takes the lease of a new run.
    pub(super) async fn begin(&self, about: &About) -> Result<Share, StoreError> {
        let Some(shared) = &self.shared else {
            return Ok(Share(None));
        };
        let json = serde_json::to_vec(about).expect("has string keys and finite numbers");
        let log = name(&about.claim.run_id);
        let acquired = shared.logs.acquire(&log, json.into(), Expected::Nobody);
        match acquired.await {
            Ok(Acquired::Yes(lease, stored)) => Ok(Share(Some((lease, stored)))),
            _ => Err(StoreError::Unavailable),
        }
    }

    /// The run did not begin.
    pub(super) async fn abandon(&self, share: Share) {
        let (Some(shared), Some((lease, _))) = (&self.shared, share.0) else {
            return;
        };
        if let Err(error) = shared.logs.remove(&lease).await {
            tracing::warn!(log = ?lease.log, %error, "an unused log stays behind");
        }
    }

    /// Brings the run's log to the store from now on, and tells the others that it begins.
    pub(super) fn share(&self, service: &Arc<ChatService>, run: &Arc<Run>, share: Share) {
        let (Some(shared), Some((lease, stored))) = (&self.shared, share.0) else {
            return;
        };
        shared.attach(service, run, lease, &stored);
        notices::started(shared, &stored.about);
    }

    /// Tells the others that a conversation is gone.
    pub(super) fn deleted(&self, conversation: &ConversationId) {
        if let Some(shared) = &self.shared {
            notices::deleted(shared, conversation);
        }
    }

    /// How far the store has a run's log; `None`: it has none.
    pub(super) async fn tail(&self, run: &RunId) -> Result<Option<Tail>, eventlog::StoreError> {
        let Some(shared) = &self.shared else {
            return Ok(None);
        };
        let tails = shared.logs.tails(&[name(run)]).await?;
        Ok(tails.into_iter().next().flatten())
    }

    /// Waits until the store has everything, but not for long.
    pub(super) async fn flush(&self, limit: Duration) {
        if let Some(shared) = &self.shared
            && !shared.appender.flush(limit).await
        {
            tracing::warn!("the store did not take the last events in time");
        }
    }
}

impl Shared {
    fn attach(&self, service: &Arc<ChatService>, run: &Arc<Run>, lease: Lease, stored: &Stored) {
        let (weak, lost) = (Arc::downgrade(service), run.clone());
        let lose = move || {
            if let Some(service) = weak.upgrade() {
                following::lost(&service, &lost);
            }
        };
        let keep = service.log_retention();
        self.appender.attach(run.log(), lease, stored, keep, lose);
    }
}

fn name(run: &RunId) -> LogName {
    LogName::new(KIND, run)
}

fn about(json: &Bytes) -> Option<About> {
    serde_json::from_slice(json).ok()
}
