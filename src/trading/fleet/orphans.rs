//! Logs whose writer has died: whoever takes the lease goes on with them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use super::{Fleet, index, name};
use crate::eventlog::{Expected, LogName, StoreError};
use crate::redis::InstanceId;
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::subject::Subject;

/// How often instances look for orphans.
const EVERY: Duration = Duration::from_millis(500);
/// Orphans taken over side by side.
const SIDE_BY_SIDE: usize = 64;
/// For so long after the store was away a dead writer may have acknowledged what it could not store.
const DOUBT: Duration = Duration::from_secs(15);

impl<S: Subject> Live<S> {
    /// Takes over what the dead leave behind, for ever.
    pub(super) async fn keep_orphans(self: &Arc<Self>, fleet: &Fleet<S>) {
        let mut returns = fleet.logs.store.returns();
        // The first return is the beginning.
        let mut is_first = true;
        let mut returned = None;
        loop {
            sleep(EVERY).await;
            if returns.has_changed().is_ok_and(|changed| changed) {
                returns.borrow_and_update();
                if !std::mem::take(&mut is_first) {
                    returned = Some(Instant::now());
                }
            }
            let was_away = returned.is_some_and(|at: Instant| at.elapsed() < DOUBT);
            let orphans = fleet.logs.store.orphans(S::KIND).await.unwrap_or_default();
            if !orphans.is_empty() {
                self.help(fleet, orphans, was_away).await;
            }
        }
    }

    async fn help(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        orphans: Vec<(LogName, Arc<str>)>,
        was_away: bool,
    ) {
        let helped = stream::iter(orphans).map(async |(log, owner)| {
            let id = Id::from(log.id());
            let from = Expected::Instance(&owner);
            let taken = self.take_over(fleet, &id, from, was_away).await;
            let taken = taken.inspect_err(|error| {
                tracing::warn!(?log, %error, "an orphaned log has to wait");
            });
            matches!(taken, Ok(true)).then_some(id)
        });
        let helped = helped.buffer_unordered(SIDE_BY_SIDE);
        let taken: Vec<Id> = helped.filter_map(async |id| id).collect().await;
        if taken.is_empty() {
            return;
        }
        tracing::info!(
            kind = S::KIND,
            count = taken.len(),
            "took over logs whose instance is gone"
        );
        index::announce(fleet, &taken);
        self.find_workers(fleet, &taken).await;
    }

    /// Learns who writes a log that the one who was thought to does not write.
    pub(super) async fn look_for_writer(self: &Arc<Self>, fleet: &Fleet<S>, id: &Id) {
        let Some(copy) = fleet.copies.get(id).map(|copy| copy.clone()) else {
            return;
        };
        let log = name::<S>(id);
        let position = copy.log.position();
        let after = Some((&position.epoch, position.seq));
        let looked: Result<(), StoreError> = async {
            let Some(stored) = fleet.logs.store.read(&log, after, false).await? else {
                return Ok(());
            };
            match stored.owner {
                Some(owner) => copy.set_owner(Some(InstanceId::new(&owner))),
                // It was let go.
                None if stored.ended => {}
                None => {
                    let taken = self.take_over(fleet, id, Expected::Nobody, false).await?;
                    if taken {
                        index::announce(fleet, std::slice::from_ref(id));
                    }
                }
            }
            Ok(())
        }
        .await;
        if let Err(error) = looked {
            tracing::debug!(%id, %error, "who writes a log is not known for now");
        }
    }
}
