//! Stopping in good order: clients are told to come back, a few at a time, so that they do not all
//! meet the other instances at once.

use std::{rc::Rc, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    long_polling,
    record::{self, Record},
    registry::Connections,
};
use crate::signalr::{connection::CloseReason, fleet::Fleet};

/// How often we look again at what is not over yet.
const LOOK: Duration = Duration::from_millis(20);
/// How long polls for connections of other instances may take to be sent back.
const POLLS: Duration = Duration::from_secs(3);

/// Closes the connections of every worker within `grace`; says how many were left open. Three
/// quarters of it are for calls under way, which are answered before their connection is closed.
pub async fn drain(connections: &Arc<Connections>, grace: Duration) -> usize {
    let started = Instant::now();
    let workers = connections.workers();
    let closing = (0..workers.len()).map(|worker| {
        let connections = connections.clone();
        workers.call(worker, move || async move {
            let busy = close_idle(grace / 2).await;
            finish_calls(busy, started + grace * 3 / 4).await;
            wait_until_empty(&connections, started + grace).await
        })
    });
    futures_util::future::join_all(closing)
        .await
        .into_iter()
        .flatten()
        .sum()
}

/// Waits until what waits here for connections of other instances was answered. An instance that has
/// left is told nothing any more.
pub async fn finish_polls(fleet: &Fleet, grace: Duration) {
    let deadline = Instant::now() + POLLS.min(grace);
    while fleet.open_polls() > 0 && Instant::now() < deadline {
        sleep(LOOK).await;
    }
}

/// Spreads the closing over `time`, but does not take it when there is little to close. Gives back
/// the connections with calls under way.
async fn close_idle(time: Duration) -> Vec<Rc<Record>> {
    const STEPS: usize = 20;
    let records = record::all();
    let size = records.len().div_ceil(STEPS).max(50);
    let started = Instant::now();
    let parts = records.len().div_ceil(size).max(1) as u32;
    let mut busy = Vec::new();
    for (index, part) in records.chunks(size).enumerate() {
        busy.extend(close_or_keep(part.to_vec()));
        if index + 1 < parts as usize {
            sleep_until(started + time * (index as u32 + 1) / parts).await;
        }
    }
    busy
}

/// Closes each of them when its calls are answered, and all of them at the deadline.
async fn finish_calls(mut busy: Vec<Rc<Record>>, deadline: Instant) {
    while !busy.is_empty() && Instant::now() < deadline {
        sleep(LOOK).await;
        busy = close_or_keep(busy);
    }
    for record in busy {
        record.dispose(CloseReason::Shutdown);
    }
}

/// Closes those without a call under way and gives back the others.
fn close_or_keep(records: Vec<Rc<Record>>) -> Vec<Rc<Record>> {
    let is_busy = |record: &Rc<Record>| record.hub().is_some_and(|hub| hub.is_calling());
    let (busy, idle): (Vec<_>, Vec<_>) = records.into_iter().partition(is_busy);
    for record in idle {
        record.dispose(CloseReason::Shutdown);
    }
    busy
}

/// A client that polls gets the chance to fetch its last messages, with a poll that may come by any
/// instance.
async fn wait_until_empty(connections: &Connections, deadline: Instant) -> usize {
    loop {
        for record in record::all() {
            if !record.is_disposed() {
                // It slipped in while the others were closed.
                record.dispose(CloseReason::Shutdown);
            }
            let is_over = record.hub().is_none_or(|hub| hub.is_over());
            if is_over && !long_polling::is_awaited(&record) {
                connections.remove(&record);
            }
        }
        let left = record::count();
        if left == 0 || Instant::now() >= deadline {
            return left;
        }
        sleep(LOOK).await;
    }
}
