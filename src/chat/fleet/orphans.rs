//! Runs whose producer has died: whoever takes the lease ends them, with the text so far kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::sleep;

use super::{KIND, Shared, about};
use crate::chat::Run;
use crate::chat::service::ChatService;
use crate::eventlog::{Acquired, Expected, LogName, Replica, StoreError};

/// How often instances look for orphans.
const EVERY: Duration = Duration::from_millis(500);
/// Orphans helped side by side.
const SIDE_BY_SIDE: usize = 16;

pub(super) fn serve(shared: &Shared, service: &Arc<ChatService>) {
    let logs = shared.logs.clone();
    let mut returns = logs.returns();
    let service = service.clone();
    service.runtime.clone().spawn(async move {
        loop {
            sleep(EVERY).await;
            let mut orphans = logs.orphans(KIND).await.unwrap_or_default();
            // A store that came back may have forgotten the end of a run of ours.
            if returns.has_changed().is_ok_and(|changed| changed) {
                returns.borrow_and_update();
                orphans.extend(forgotten(&service).await);
            }
            let helped = stream::iter(orphans);
            let helped = helped.for_each_concurrent(SIDE_BY_SIDE, |(log, owner)| {
                let service = &service;
                async move {
                    if let Err(error) = take_over(service, &log, &owner).await {
                        tracing::warn!(?log, %error, "an orphaned run has to wait");
                    }
                }
            });
            helped.await;
        }
    });
}

/// Logs that this instance owns though it produces no such run.
async fn forgotten(service: &Arc<ChatService>) -> Vec<(LogName, Arc<str>)> {
    let Some(shared) = &service.fleet.shared else {
        return Vec::new();
    };
    let mut owned = shared.logs.owned(KIND).await.unwrap_or_default();
    owned.retain(|log| !service.runs.is_active(log.id()));
    let me: Arc<str> = shared.instances.id().as_str().into();
    owned.into_iter().map(|log| (log, me.clone())).collect()
}

async fn take_over(
    service: &Arc<ChatService>,
    log: &LogName,
    owner: &str,
) -> Result<(), StoreError> {
    let Some(shared) = &service.fleet.shared else {
        return Ok(());
    };
    let from = Expected::Instance(owner);
    let acquired = shared.logs.acquire(log, Bytes::new(), from).await?;
    let Acquired::Yes(lease, stored) = acquired else {
        return Ok(());
    };
    let Some(about) = about(&stored.about) else {
        return shared.logs.remove(&lease).await;
    };
    let known = service.runs.get(&about.user, &about.claim.run_id);
    let run = match known {
        Some(run) => {
            shared.feed.unfollow(log);
            if !run.is_finished() {
                run.catch_up(&stored);
            }
            run.set_home(None);
            run
        }
        None => {
            let run = Run::new(about.user, &about.claim, None, stored.epoch.clone());
            run.replace(&stored);
            run
        }
    };
    if run.is_finished() {
        // It ended in the meantime, or the store has forgotten the end.
        Replica::end(run.as_ref());
        shared.attach(service, &run, lease, &stored);
        service.store_end_again(&run).await;
        tracing::info!(run_id = %run.ids.run, owner, "told the store again how a run ended");
        return Ok(());
    }
    service.runs.add(&run);
    shared.attach(service, &run, lease.clone(), &stored);
    if service.end_orphan(&run).await {
        tracing::info!(run_id = %run.ids.run, owner, "ended a run whose producer is gone");
        return Ok(());
    }
    shared.appender.detach(log);
    service.runs.ended(&run);
    Replica::end(run.as_ref());
    shared.logs.remove(&lease).await
}
