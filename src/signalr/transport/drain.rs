//! Stopping in good order: clients are told to come back, a few at a time, so that they do not all
//! meet the other instances at once.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{record, registry::Connections};
use crate::signalr::connection::CloseReason;

/// Closes the connections of every worker within `grace`; says how many were left open.
pub async fn drain(connections: &Arc<Connections>, grace: Duration) -> usize {
    let deadline = Instant::now() + grace;
    let workers = connections.workers();
    let closing = (0..workers.len()).map(|worker| {
        let connections = connections.clone();
        workers.call(worker, move || async move {
            close_all(grace / 2).await;
            wait_until_empty(&connections, deadline).await
        })
    });
    futures_util::future::join_all(closing)
        .await
        .into_iter()
        .flatten()
        .sum()
}

/// Spreads the closing over `time`, but does not take it when there is little to close.
async fn close_all(time: Duration) {
    const STEPS: usize = 20;
    let records = record::all();
    let size = records.len().div_ceil(STEPS).max(50);
    let started = Instant::now();
    let parts = records.len().div_ceil(size).max(1) as u32;
    for (index, part) in records.chunks(size).enumerate() {
        for record in part {
            record.dispose(CloseReason::Shutdown);
        }
        if index + 1 < parts as usize {
            sleep_until(started + time * (index as u32 + 1) / parts).await;
        }
    }
}

async fn wait_until_empty(connections: &Connections, deadline: Instant) -> usize {
    loop {
        for record in record::all() {
            if record.is_disposed() && record.hub().is_none_or(|hub| hub.is_over()) {
                connections.remove(&record);
            }
        }
        let left = record::count();
        if left == 0 || Instant::now() >= deadline {
            return left;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
