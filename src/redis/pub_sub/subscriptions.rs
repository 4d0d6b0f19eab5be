//! Makes Redis agree with the [`Registry`]: `SUBSCRIBE` and `UNSUBSCRIBE` in batches, each behind a
//! `PING` that shows when Redis has read it.
//!
//! fred's `subscribe` returns before Redis has confirmed, and the error of a refused one is taken
//! for the answer to the next command. So this connection carries nothing else, one thing after the
//! other, and an error on the `PING` means that the batch before it failed.

use std::{sync::Arc, time::Duration};

use fred::interfaces::PubsubInterface as _;
use tokio::time::{Instant, sleep};

use super::registry::Registry;
use crate::redis::{connection::Connection, numbers::Numbers, reason::reason, service::HEARTBEAT};

/// Channels in one command.
const CHUNK: usize = 1_000;
/// Channels before one barrier.
const BATCH: usize = 10 * CHUNK;
/// Requests that come this close together share a batch.
const GATHER: Duration = Duration::from_millis(1);

/// Serves one connection until it has ended. `restored` is called when everything that is wanted
/// has been confirmed for the first time. After
/// `patience` without the answer to a `PING` the connection is silent.
pub(super) async fn run(
    connection: Connection,
    registry: Arc<Registry>,
    numbers: Arc<Numbers>,
    patience: Duration,
    restored: Box<dyn Fn() + Send>,
) {
    registry.connected();
    let serving = serve(&connection, &registry, &numbers, patience, restored);
    tokio::select! {
        reason = serving => connection.fail(&reason),
        () = connection.gone() => {}
    }
}

/// Returns the reason why the connection is no good.
async fn serve(
    connection: &Connection,
    registry: &Registry,
    numbers: &Numbers,
    patience: Duration,
    restored: Box<dyn Fn() + Send>,
) -> String {
    let mut first = true;
    loop {
        if let Err(reason) = settle(connection, registry, numbers, patience).await {
            return reason;
        }
        if std::mem::take(&mut first) {
            restored();
        }
        tokio::select! {
            () = registry.changed() => sleep(GATHER).await,
            () = sleep(HEARTBEAT) => {}
        }
    }
}

/// Tells Redis everything that has changed, and pings in any case.
async fn settle(
    connection: &Connection,
    registry: &Registry,
    numbers: &Numbers,
    patience: Duration,
) -> Result<(), String> {
    let changes = registry.take_changes();
    let full = |name: &Arc<str>| [registry.prefix(), name].concat();
    for chunk in changes.unsubscribe.chunks(CHUNK) {
        let names: Vec<String> = chunk.iter().map(full).collect();
        sent(connection.client.unsubscribe(names).await)?;
    }
    for batch in changes.subscribe.chunks(BATCH) {
        for chunk in batch.chunks(CHUNK) {
            let names: Vec<String> = chunk.iter().map(full).collect();
            sent(connection.client.subscribe(names).await)?;
        }
        if batch.len() == BATCH {
            barrier(connection, numbers, patience).await?;
        }
    }
    barrier(connection, numbers, patience).await?;
    registry.confirm(changes.last_waiter);
    Ok(())
}

async fn barrier(
    connection: &Connection,
    numbers: &Numbers,
    patience: Duration,
) -> Result<(), String> {
    let begin = Instant::now();
    connection.ping(patience).await?;
    numbers.round_trip.set(begin.elapsed().as_micros() as u64);
    Ok(())
}

fn sent(outcome: Result<(), fred::error::Error>) -> Result<(), String> {
    outcome.map_err(|error| reason(&error))
}
