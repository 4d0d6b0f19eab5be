//! What `/metrics` shows of messages that wait: for clients to read them, and for workers.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::timeout;

use super::about::About;
use crate::{
    signalr::{connection::shared_bytes, lifetime::Backlog},
    telemetry::{
        metrics::{Metrics, Reading},
        series::{Labels, Series},
    },
};

/// How long a worker may take to look at its connections. Without an answer the numbers of the
/// last time are shown again: late numbers are better than no numbers of a server in trouble.
const LIMIT: Duration = Duration::from_secs(1);

type Backlogs = Arc<Mutex<Vec<(String, Backlog)>>>;

/// Adds what waits on this instance.
pub(super) fn add_to(metrics: &mut Metrics, about: &Arc<About>) {
    let backlogs = Backlogs::default();
    let (gathered, asked) = (backlogs.clone(), about.clone());
    metrics.gather(move || gather(asked.clone(), gathered.clone()).boxed());
    for (about, read) in OUTBOXES {
        let backlogs = backlogs.clone();
        metrics.collect(Series::gauges(*about, move || by_hub(&backlogs, *read)));
    }
    let mailboxes = about.clone();
    metrics.collect(Series::gauges(
        (
            "signalr_mailbox_bytes",
            "Messages to many on their way to a worker's connections, at most 64 MiB each",
        ),
        move || by_worker(&mailboxes),
    ));
    metrics.gauge(
        "signalr_shared_message_bytes",
        "Messages to many that are in some outbox, each counted once",
        vec![Reading::new(&[], || shared_bytes() as u64)],
    );
}

type Outboxes = ((&'static str, &'static str), fn(&Backlog) -> usize);

const OUTBOXES: &[Outboxes] = &[
    (
        (
            "signalr_outbox_messages",
            "Messages that wait to be written to clients",
        ),
        |backlog| backlog.messages,
    ),
    (
        (
            "signalr_outbox_bytes",
            "Bytes that clients have not taken, or not acknowledged",
        ),
        |backlog| backlog.bytes,
    ),
    (
        (
            "signalr_outbox_largest_bytes",
            "The most that one client has not taken",
        ),
        |backlog| backlog.largest,
    ),
    (
        (
            "signalr_outbox_waiting_connections",
            "Connections for which something waits",
        ),
        |backlog| backlog.waiting,
    ),
    (
        (
            "signalr_outbox_nearly_full_connections",
            "Connections that used half of what is allowed before they are closed as slow readers",
        ),
        |backlog| backlog.nearly_full,
    ),
];

async fn gather(about: Arc<About>, backlogs: Backlogs) {
    let Some(connections) = about.connections.get() else {
        return;
    };
    if let Ok(gathered) = timeout(LIMIT, connections.backlogs()).await {
        *backlogs.lock().unwrap_or_else(PoisonError::into_inner) = gathered;
    }
}

fn by_hub(backlogs: &Backlogs, read: fn(&Backlog) -> usize) -> Vec<(Labels, u64)> {
    let backlogs = backlogs.lock().unwrap_or_else(PoisonError::into_inner);
    let of_hub = |(hub, backlog): &(String, Backlog)| {
        let labels = vec![("hub", hub.clone())];
        (labels, read(backlog) as u64)
    };
    backlogs.iter().map(of_hub).collect()
}

fn by_worker(about: &About) -> Vec<(Labels, u64)> {
    let connections = about.connections.get();
    let mailboxes = connections.map(|connections| connections.mailbox_bytes());
    let of_worker =
        |(worker, bytes): (usize, usize)| (vec![("worker", worker.to_string())], bytes as u64);
    mailboxes.into_iter().flatten().map(of_worker).collect()
}
