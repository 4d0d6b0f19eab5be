//! Runs of other instances, followed here.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use super::{FOLLOWING, Fleet, Shared, about, name};
use crate::chat::service::ChatService;
use crate::chat::{Run, RunId, UserId};
use crate::eventlog::{Replica, StoreError};

impl Fleet {
    /// Another instance's run, kept up to date from now on to its end, and shown to whoever has its
    /// conversation open here.
    pub(in crate::chat) async fn find(
        &self,
        service: &Arc<ChatService>,
        user: &UserId,
        run: &RunId,
    ) -> Result<Option<Arc<Run>>, StoreError> {
        let Some(shared) = &self.shared else {
            return Ok(None);
        };
        let _turn = shared.turn(run).lock().await;
        if let Some(run) = service.runs.get(user, run) {
            return Ok(Some(run));
        }
        // Somebody else's: it is followed already, and must go on being so.
        if service.runs.is_known(run) {
            return Ok(None);
        }
        let log = name(run);
        let found = shared.feed.follow(&log, |stored| {
            let about = about(&stored.about).filter(|about| about.user == *user)?;
            let run = Run::new(about.user, &about.claim, None, stored.epoch.clone());
            run.set_home(Some(stored.owner.clone().unwrap_or_default()));
            Some(run)
        });
        let Some(run) = found.await? else {
            return Ok(None);
        };
        service.runs.add_replica(&run);
        // Who has the conversation open has seen an ended one already, or never will.
        if !run.is_finished() {
            service.observer.run_started(&run);
        }
        let (service, ending) = (service.clone(), run.clone());
        service.runtime.clone().spawn(async move {
            ending.ended().await;
            service.runs.replica_ended(&ending);
        });
        Ok(Some(run))
    }
}

impl Shared {
    /// Two who look for the same run take turns.
    fn turn(&self, run: &RunId) -> &tokio::sync::Mutex<()> {
        let mut hasher = ahash::RandomState::with_seeds(1, 2, 3, 4).build_hasher();
        hasher.write(run.as_bytes());
        &self.following[hasher.finish() as usize % FOLLOWING]
    }
}

/// Another instance took a run over while this one was cut off: what that one wrote counts.
pub(super) fn lost(service: &Arc<ChatService>, run: &Arc<Run>) {
    tracing::warn!(run_id = %run.ids.run, "another instance has ended this answer");
    run.lose("".into());
    let (service, run) = (service.clone(), run.clone());
    service.runtime.clone().spawn(async move {
        let Some(shared) = &service.fleet.shared else {
            return;
        };
        let log = name(&run.ids.run);
        let joined = shared.feed.follow(&log, |_| Some(run.clone()));
        if !matches!(joined.await, Ok(Some(_))) {
            Replica::end(run.as_ref());
        }
    });
}
