//! Viewers of the desk, who measure how far behind they are: by the times that the server gave the
//! events, so server and desk must have one clock.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval};

use super::client::{self, Client, ServerCall};
use super::figures::{Figures, Second};
use super::socket::{Address, NoConnection};
use super::{Simulate, say};
use crate::cli::Outcome;

const HUB: &str = "bothub";
/// Bots that one viewer watches; one more viewer watches all of them.
const WATCHED: usize = 100;
/// After so many seconds the figures are told and a newcomer asks for everything.
const EVERY: usize = 5;

/// From an event to its viewer, in the second that passes.
type Delays = RefCell<Second>;

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
    let stalled = (0..desk.stalled_viewers).map(|_| stall(address));
    tokio::select! {
        outcome = try_join_all(of_some) => outcome.map(drop),
        outcome = of_all => outcome,
        outcome = try_join_all(stalled), if desk.stalled_viewers > 0 => outcome.map(drop),
        outcome = tell(address, &delays) => outcome,
    }
}

async fn follow(address: &Address, wanted: Value, delays: &Delays) -> Outcome {
    #[derive(Deserialize)]
    struct Head<'a> {
        ts: &'a str,
    }
    let (client, mut events) = connect(address).await?;
    client.invoke("SubscribeBots", wanted).await?;
    while let Some(event) = events.recv().await {
        let sent = event.argument().map(|Head { ts }| ts);
        let sent = sent.and_then(|ts| chrono::DateTime::parse_from_rfc3339(ts).ok());
        // A snapshot is as old as the bot's last event.
        if let Some(sent) = sent.filter(|_| event.target != "BotSnapshot") {
            let delay = chrono::Utc::now().timestamp_millis() - sent.timestamp_millis();
            delays.borrow_mut().add(delay);
        }
    }
    Err("a viewer's connection is gone".to_owned())
}

/// A viewer of everything that stops reading.
async fn stall(address: &Address) -> Outcome {
    let everything = json!({});
    let stalled = client::stall(address, HUB, "SubscribeBots", &everything);
    match stalled.await.map_err(no_viewer)? {}
}

/// Tells the figures, and how long a newcomer waits for all snapshots.
async fn tell(address: &Address, delays: &Delays) -> Outcome {
    let mut figures = Figures::default();
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        figures.add(delays.take());
        if figures.seconds() < EVERY {
            continue;
        }
        let (snapshots, waited) = newcomer(address).await?;
        say(format_args!(
            "👀 {}; {snapshots} snapshots after {} ms",
            std::mem::take(&mut figures),
            waited.as_millis(),
        ));
    }
}

/// Waits for the snapshots of all bots; they are counted afterwards.
async fn newcomer(address: &Address) -> Result<(usize, Duration), String> {
    #[derive(Deserialize)]
    struct Answer {
        snapshots: Vec<IgnoredAny>,
    }
    let (client, _events) = connect(address).await?;
    let begin = Instant::now();
    let answer = client.invoke("SubscribeBots", json!({})).await?;
    let waited = begin.elapsed();
    let answer: Answer = serde_json::from_str(answer.get()).map_err(|error| error.to_string())?;
    Ok((answer.snapshots.len(), waited))
}

async fn connect(address: &Address) -> Result<(Client, UnboundedReceiver<ServerCall>), String> {
    Client::connect(address, HUB).await.map_err(no_viewer)
}

fn no_viewer(error: NoConnection) -> String {
    let (NoConnection::Refused(reason) | NoConnection::Unreachable(reason)) = error;
    format!("a viewer cannot connect: {reason}")
}
