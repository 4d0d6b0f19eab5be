//! Which logs there are: read from the store at the start and whenever it comes back, and told by
//! whoever makes or takes over one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::Fleet;
use crate::eventlog::StoreError;
use crate::problem::{Code, Problem};
use crate::redis::{InstanceId, Received, RedisService, State};
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::subject::Subject;

/// Logs that begin to be followed side by side.
const SIDE_BY_SIDE: usize = 64;
/// How often the index is read besides, in case a notice was lost.
const EVERY: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(500);
/// How long a list waits for the index to have been read.
const PATIENCE: Duration = Duration::from_secs(2);

/// These logs are written by this instance now.
#[derive(Serialize, Deserialize)]
struct Notice {
    owner: String,
    ids: Vec<String>,
}

pub(super) fn announce<S: Subject>(fleet: &Fleet<S>, ids: &[Id]) {
    let notice = Notice {
        owner: fleet.logs.instances.id().to_string(),
        ids: ids.iter().map(ToString::to_string).collect(),
    };
    // Plain values encode.
    let json = Bytes::from(serde_json::to_vec(&notice).unwrap_or_default());
    let channel = channel::<S>(&fleet.logs.redis);
    // Queued in the order of calls. What is lost is looked for afterwards.
    drop(fleet.logs.redis.pub_sub().publish(&channel, json));
}

impl<S: Subject> Fleet<S> {
    pub(super) async fn wait_for_index(&self) -> Result<(), Problem> {
        let is_down = || matches!(self.logs.redis.state(), State::Down { .. });
        if is_down() {
            // What is here is all there is to be known; the rest is shown when it is found.
            return Ok(());
        }
        let mut knows_all = self.knows_all.subscribe();
        let known = timeout(PATIENCE, knows_all.wait_for(|known| *known)).await;
        match known {
            Ok(Ok(_)) => Ok(()),
            _ if is_down() => Ok(()),
            _ => Err(Problem::new(
                Code::StoreUnavailable,
                "what the other instances have is not known yet",
            )),
        }
    }
}

impl<S: Subject> Live<S> {
    /// Keeps a copy of every log of every instance, for ever.
    pub(super) async fn keep_index(self: &Arc<Self>, fleet: &Fleet<S>) {
        tokio::join!(self.hear(fleet), self.read_index(fleet));
    }

    async fn hear(self: &Arc<Self>, fleet: &Fleet<S>) {
        let redis = &fleet.logs.redis;
        let (subscriber, mut receiver) = redis.pub_sub().subscriber();
        subscriber.subscribe(vec![channel::<S>(redis)]).await;
        // What was told meanwhile is in the index, which is read after each return of the store.
        while let Some(received) = receiver.recv().await {
            let Received::Message { payload, .. } = received else {
                continue;
            };
            if let Ok(notice) = serde_json::from_slice::<Notice>(&payload) {
                self.take_notice(fleet, &notice);
            }
        }
    }

    fn take_notice(self: &Arc<Self>, fleet: &Fleet<S>, notice: &Notice) {
        let ids: Vec<Id> = notice.ids.iter().map(|id| id.as_str().into()).collect();
        for id in &ids {
            if let Some(copy) = fleet.copies.get(id) {
                copy.set_owner(Some(InstanceId::new(&notice.owner)));
            }
        }
        // Beside the others: thousands may be made at once.
        let live = self.clone();
        fleet.logs.redis.spawn(async move {
            if let Err(error) = live.discover_all(ids).await {
                tracing::debug!(%error, "new logs are looked for later");
            }
        });
    }

    async fn read_index(self: &Arc<Self>, fleet: &Fleet<S>) {
        let mut returns = fleet.logs.store.returns();
        loop {
            let read = match fleet.logs.store.logs(S::KIND).await {
                Ok(logs) => {
                    let ids = logs.iter().map(|log| log.id().into()).collect();
                    self.discover_all(ids).await
                }
                Err(error) => Err(error),
            };
            let pause = match read {
                Ok(()) => {
                    fleet.knows_all.send_replace(true);
                    EVERY
                }
                Err(_) => PAUSE,
            };
            tokio::select! {
                () = sleep(pause) => {}
                Ok(()) = returns.changed() => {}
            }
        }
    }

    async fn discover_all(self: &Arc<Self>, ids: Vec<Id>) -> Result<(), StoreError> {
        let unknown = ids.into_iter().filter(|id| !self.is_known(id));
        let found = stream::iter(unknown).map(async |id| self.discover(&id).await);
        let found = found.buffer_unordered(SIDE_BY_SIDE);
        found.fold(Ok(()), async |all, one| all.and(one)).await
    }
}

fn channel<S: Subject>(redis: &RedisService) -> String {
    let key = redis.key(&format!("{}:owned", S::KIND));
    key[redis.prefix().len()..].to_owned()
}
