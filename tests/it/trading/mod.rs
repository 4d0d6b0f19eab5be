//! Bots and backtests as viewers, operators and workers meet them, over real sockets.

mod backtests;
mod bots;
mod fleet;
mod http;
mod simulate;
mod viewers;

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::program::process::Program;
use crate::support::hub_client::{HubClient, Received};

const DEVELOPMENT: [(&str, &str); 2] = [
    ("APP_ENVIRONMENT", "Development"),
    ("ConnectionStrings__Redis", ""),
];

fn address(program: &Program) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, program.port()).into()
}

async fn connect(program: &Program, hub: &str, user: &str) -> HubClient {
    HubClient::connect_to(address(program), &format!("/{hub}?user={user}")).await
}

/// The object behind `HubException: `.
fn problem(completion: &Value) -> Value {
    let error = completion["error"].as_str().expect("it failed");
    let start = error.find('{').expect("an object");
    serde_json::from_str(&error[start..]).expect("is JSON")
}

/// The next call of any client method, with its argument.
async fn next_event(client: &mut HubClient) -> (String, Value) {
    loop {
        match client.next().await {
            Received::Message(message) if message["type"] == 1 => {
                let target = message["target"].as_str().expect("a target").to_owned();
                return (target, message["arguments"][0].clone());
            }
            Received::Message(_) => {}
            Received::Closed { code } => panic!("closed with {code}"),
        }
    }
}

/// The next question to a worker: its invocation id and what is asked.
async fn next_command(worker: &mut HubClient) -> (Value, Value) {
    loop {
        match worker.next().await {
            Received::Message(message) if message["target"] == "ExecuteCommand" => {
                return (
                    message["invocationId"].clone(),
                    message["arguments"][0].clone(),
                );
            }
            Received::Message(_) => {}
            Received::Closed { code } => panic!("closed with {code}"),
        }
    }
}

fn trade(trade_id: &str) -> Value {
    json!({"type": "TradeEvent", "tradeId": trade_id, "symbol": "BTC/USDT", "side": "buy",
        "price": 100.5, "quantity": 1})
}
