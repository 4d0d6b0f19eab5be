//! The rules of bots and backtests where worker, viewer and operator are on different instances.

mod backtests;
mod bots;
mod chaos;
mod deaths;
mod line;
mod outages;
mod producers;
mod stops;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{connect, http, next_command, next_event, problem, trade};
use crate::program::process::Program;
use crate::support::hub_client::HubClient;
use crate::support::redis::RedisServer;

/// Nothing takes longer than this.
const LIMIT: Duration = Duration::from_secs(60);

/// Instances that share a Redis.
struct Fleet {
    redis: RedisServer,
    instances: Vec<Program>,
}

impl Fleet {
    /// `None`, said aloud, where there is no Redis.
    async fn start(count: usize) -> Option<Self> {
        let redis = RedisServer::start(&[]).await?;
        let instances = (0..count).map(|_| start(&redis)).collect();
        let fleet = Self { redis, instances };
        for instance in &fleet.instances {
            joined(instance).await;
        }
        Some(fleet)
    }

    async fn bots(&self, instance: usize, user: &str) -> HubClient {
        connect(&self.instances[instance], "bothub", user).await
    }

    async fn backtests(&self, instance: usize, user: &str) -> HubClient {
        connect(&self.instances[instance], "backtesthub", user).await
    }
}

fn start(redis: &RedisServer) -> Program {
    let address = redis.address();
    Program::start(&[
        ("APP_ENVIRONMENT", "Development"),
        ("ConnectionStrings__Redis", &address),
    ])
}

/// Waits until an instance says that it is connected.
async fn joined(instance: &Program) {
    until("Redis", async || {
        instance.get("/health/ready").1.contains("\"connected\"")
    })
    .await;
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < LIMIT, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Calls until the answer is no `store_unavailable`.
async fn call_when_up(client: &mut HubClient, target: &str, argument: Value) -> Value {
    let begin = Instant::now();
    loop {
        let completion = client.call(target, json!([argument])).await;
        if completion.get("error").is_none() {
            return completion["result"].clone();
        }
        assert_eq!(problem(&completion)["code"], "store_unavailable");
        assert!(begin.elapsed() < LIMIT, "{completion}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Calls until the answer is as wanted.
async fn invoke_until(
    client: &mut HubClient,
    target: &str,
    argument: Value,
    is_it: impl Fn(&Value) -> bool,
) -> Value {
    let begin = Instant::now();
    loop {
        let answer = call_when_up(client, target, argument.clone()).await;
        if is_it(&answer) {
            return answer;
        }
        assert!(begin.elapsed() < LIMIT, "{target} answers {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The next event of a bot or backtest that is named so.
async fn next_named(client: &mut HubClient, name: &str) -> Value {
    next_of(client, &[name]).await.1
}

/// The next event that has one of these names.
async fn next_of(client: &mut HubClient, names: &[&str]) -> (String, Value) {
    let coming = async {
        loop {
            let (target, event) = next_event(client).await;
            if names.contains(&target.as_str()) {
                return (target, event);
            }
        }
    };
    let come = tokio::time::timeout(LIMIT, coming).await;
    come.unwrap_or_else(|_| panic!("none of {names:?} comes"))
}

/// Waits until a viewer is shown a trade: as an event, or in the snapshot with which an instance
/// that met the bot in mid-history begins. Answers the `seq` up to which the viewer then knows it.
async fn shown(client: &mut HubClient, trade: &str) -> u64 {
    loop {
        let (name, event) = next_of(client, &["TradeEvent", "BotSnapshot"]).await;
        let is_shown = match name.as_str() {
            "TradeEvent" => event["tradeId"] == trade,
            _ => event["lastTrades"]
                .as_array()
                .is_some_and(|trades| trades.iter().any(|it| it["tradeId"] == trade)),
        };
        if is_shown {
            return event["seq"].as_u64().expect("a number");
        }
    }
}

async fn report(worker: &mut HubClient, bot: &str, events: Value) -> Value {
    let argument = json!([{"botId": bot, "events": events}]);
    worker.invoke("ReportBotEvents", argument).await
}

/// The trade ids that an instance shows of a bot, oldest first.
async fn trades(viewer: &mut HubClient, bot: &str) -> Vec<String> {
    let page = json!({"botId": bot, "limit": 200});
    let page = call_when_up(viewer, "GetTrades", page).await;
    let items = page["items"].as_array().expect("items").iter().rev();
    items
        .map(|trade| trade["tradeId"].as_str().expect("an id").to_owned())
        .collect()
}
