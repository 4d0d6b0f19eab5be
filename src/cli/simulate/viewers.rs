//! Viewers of the desk, who measure how far behind they are: by the times that the server gave the
//! events, so server and desk must have one clock.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::client::{Address, Client, NoConnection, ServerCall};
use super::{Simulate, say};
use crate::cli::Outcome;

const HUB: &str = "bothub";
/// Bots that one viewer watches; one more viewer watches all of them.
const WATCHED: usize = 100;
/// How often the figures are told.
const EVERY: Duration = Duration::from_secs(5);

/// Milliseconds from an event to its viewer, since the figures were told last.
type Delays = RefCell<Vec<i64>>;

pub async fn watch(desk: &Simulate, address: &Address, ids: &[String]) -> Outcome {
    if desk.viewers == 0 {
        return std::future::pending().await;
    }
    let delays = Delays::default();
    let of_some = (0..desk.viewers).map(|number| {
        let watched = ids.iter().cycle().skip(number * WATCHED);
        let watched: Vec<&String> = watched.take(WATCHED.min(ids.len())).collect();
        follow(address, json!({"botIds": watched}), &delays)
    });
    let of_all = follow(address, json!({}), &delays);
    tokio::select! {
        outcome = try_join_all(of_some) => outcome.map(drop),
        outcome = of_all => outcome,
        outcome = tell(address, &delays) => outcome,
    }
}

async fn follow(address: &Address, wanted: Value, delays: &Delays) -> Outcome {
    let (client, mut events) = connect(address).await?;
    client.invoke("SubscribeBots", wanted).await?;
    while let Some(event) = events.recv().await {
        let sent = event.argument["ts"].as_str();
        let sent = sent.and_then(|ts| chrono::DateTime::parse_from_rfc3339(ts).ok());
        // A snapshot is as old as the bot's last event.
        if let Some(sent) = sent.filter(|_| event.target != "BotSnapshot") {
            let delay = chrono::Utc::now().timestamp_millis() - sent.timestamp_millis();
            delays.borrow_mut().push(delay);
        }
    }
    Err("a viewer's connection is gone".to_owned())
}

/// Tells the figures, and how long a newcomer waits for all snapshots.
async fn tell(address: &Address, delays: &Delays) -> Outcome {
    loop {
        tokio::time::sleep(EVERY).await;
        let mut taken = std::mem::take(&mut *delays.borrow_mut());
        taken.sort_unstable();
        let at = |part: f64| {
            let index = (taken.len() as f64 * part) as usize;
            taken.get(index).or(taken.last()).copied().unwrap_or(0)
        };
        let (client, _events) = connect(address).await?;
        let begin = Instant::now();
        let answer = client.invoke("SubscribeBots", json!({})).await?;
        let snapshots = answer["snapshots"].as_array().map_or(0, Vec::len);
        say(format_args!(
            "👀 {} events/s seen, behind by {} ms (median), {} ms (99 %), {} ms at most; {snapshots} snapshots after {} ms",
            taken.len() as u64 / EVERY.as_secs(),
            at(0.5),
            at(0.99),
            at(1.0),
            begin.elapsed().as_millis(),
        ));
    }
}

async fn connect(address: &Address) -> Result<(Client, UnboundedReceiver<ServerCall>), String> {
    Client::connect(address, HUB)
        .await
        .map_err(|error| match error {
            NoConnection::Refused(reason) | NoConnection::Unreachable(reason) => {
                format!("a viewer cannot connect: {reason}")
            }
        })
}
