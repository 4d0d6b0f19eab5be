//! `bench`: a small load on a server, to compare places and days: how fast connections open and
//! calls are answered. `bench/` in the sources has the tools for measuring the server itself.

use std::time::{Duration, Instant};

use clap::Args;
use futures_util::{SinkExt as _, StreamExt as _, future::try_join_all};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{
    Outcome,
    remote::{LIMIT, Target, websocket},
};
use crate::settings::parse_duration;

/// The most that one machine's `bench` may do to a server.
const MOST_CONNECTIONS: usize = 1_000;

/// Put a small load on a server and print how fast it answers.
#[derive(Debug, Args)]
pub struct Bench {
    /// The server, as clients reach it.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// A bearer token, where the server asks for one.
    #[arg(long)]
    token: Option<String>,
    /// WebSockets at the same time, each with one call after the other.
    #[arg(long, default_value_t = 10, value_parser = connections)]
    connections: usize,
    /// How long.
    #[arg(long, default_value = "5s", value_parser = duration)]
    duration: Duration,
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=MOST_CONNECTIONS) => Ok(count),
        _ => Err(format!("must be from 1 to {MOST_CONNECTIONS}")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)?.ok_or_else(|| "must have an end".to_owned())
}

impl Bench {
    pub(super) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(self.measure())
    }

    async fn measure(self) -> Outcome {
        let target = Target::new(&self.url, self.token)?;
        let opened = (0..self.connections).map(|_| open(&target));
        let opened = try_join_all(opened).await?;
        let (sockets, opening): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
        let begin = Instant::now();
        let calls = sockets
            .into_iter()
            .map(|socket| call(socket, begin + self.duration));
        let calls = try_join_all(calls).await?.concat();
        let seconds = begin.elapsed().as_secs_f64();
        println!("{:<14}{}", "connections", self.connections);
        println!("{:<14}{}", "opening", summary(opening));
        println!(
            "{:<14}{:.0} per second",
            "calls",
            calls.len() as f64 / seconds
        );
        println!("{:<14}{}", "answers", summary(calls));
        Ok(())
    }
}

async fn open(target: &Target) -> Result<(websocket::Socket, Duration), String> {
    let begin = Instant::now();
    let socket = websocket::open(target).await?;
    Ok((socket, begin.elapsed()))
}

/// One call after the other until the end; how long each took.
async fn call(mut socket: websocket::Socket, end: Instant) -> Result<Vec<Duration>, String> {
    let mut taken = Vec::new();
    while Instant::now() < end {
        let begin = Instant::now();
        let call = format!(
            "{{\"type\":1,\"invocationId\":\"{}\",\"target\":\"ListModels\",\"arguments\":[]}}\u{1e}",
            taken.len()
        );
        let sent = socket.send(Message::text(call)).await;
        sent.map_err(|_| "the connection broke".to_owned())?;
        timeout(LIMIT, completion(&mut socket))
            .await
            .map_err(|_| "a call was not answered within 10 s".to_owned())??;
        taken.push(begin.elapsed());
    }
    Ok(taken)
}

/// Pings and whatever else comes are passed over.
async fn completion(socket: &mut websocket::Socket) -> Result<(), String> {
    while let Some(Ok(message)) = socket.next().await {
        if message
            .to_text()
            .is_ok_and(|text| text.contains("\"type\":3"))
        {
            return Ok(());
        }
    }
    Err("the server closed a connection".to_owned())
}

fn summary(mut taken: Vec<Duration>) -> String {
    taken.sort_unstable();
    let at = |part: f64| {
        let index = ((taken.len() as f64 * part) as usize).min(taken.len().saturating_sub(1));
        taken
            .get(index)
            .map_or(0.0, |taken| taken.as_secs_f64() * 1_000.0)
    };
    format!(
        "median {:.2} ms, 90 % {:.2} ms, 99 % {:.2} ms, slowest {:.2} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_the_parts_of_the_sorted_times() {
        let taken = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(
            summary(taken),
            "median 51.00 ms, 90 % 91.00 ms, 99 % 100.00 ms, slowest 100.00 ms"
        );
        assert_eq!(summary(Vec::new()).matches("0.00").count(), 4);
    }
}
