//! Operators see what waits: a client that stops reading shows in the numbers before it is closed,
//! and is gone from them afterwards.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;

use super::process::Program;
use crate::support::{
    http::{Request, send},
    hub_client::HubClient,
    within,
};

const PATIENCE: Duration = Duration::from_secs(60);
/// The bound on what others send one connection.
const BACKLOG: u64 = 8 << 20;

async fn metrics(server: SocketAddr) -> String {
    let answer = send(server, &Request::new("GET", "/metrics")).await;
    let answer = answer.expect("is answered");
    assert_eq!(answer.head.status, 200);
    String::from_utf8(answer.body).expect("is text")
}

/// The value of a series of BotHub.
fn of_bots(metrics: &str, name: &str) -> u64 {
    let start = format!("{name}{{hub=\"bothub\"}} ");
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(&start));
    let value = value.unwrap_or_else(|| panic!("{name} in\n{metrics}"));
    value.parse().expect("is a number")
}

async fn broadcast(server: SocketAddr, text: &str) {
    let body = json!({"target": "Said", "arguments": [text]}).to_string();
    let request = Request::new("POST", "/api/hubs/bothub/:send")
        .header("Content-Type", "application/json")
        .body(body);
    let answer = send(server, &request).await.expect("is answered");
    assert_eq!(answer.head.status, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_reading_shows_in_the_numbers_until_it_is_closed() {
    let start = || Program::start(&[("APP_ENVIRONMENT", "Development")]);
    let program = tokio::task::spawn_blocking(start).await.expect("it starts");
    let server = program.address();
    let before = metrics(server).await;
    for name in ["signalr_outbox_bytes", "signalr_outbox_messages"] {
        assert_eq!(of_bots(&before, name), 0);
    }
    let reader = HubClient::connect_to(server, "/bothub?user=ann").await;
    let _silent = reader.stop_reading().await;
    let text = "x".repeat(400_000);
    let mut nearly_full = String::new();
    let filling = async {
        loop {
            broadcast(server, &text).await;
            let now = metrics(server).await;
            if of_bots(&now, "signalr_outbox_nearly_full_connections") == 1 {
                nearly_full = now;
                break;
            }
        }
        loop {
            broadcast(server, &text).await;
            if metrics(server).await.contains(r#"reason="slow_reader""#) {
                break;
            }
        }
    };
    within(PATIENCE, "the client was not closed", filling)
        .await
        .unwrap();
    let bytes = of_bots(&nearly_full, "signalr_outbox_bytes");
    assert!((BACKLOG / 2..=BACKLOG).contains(&bytes), "{bytes}");
    assert_eq!(of_bots(&nearly_full, "signalr_outbox_largest_bytes"), bytes);
    assert_eq!(
        of_bots(&nearly_full, "signalr_outbox_waiting_connections"),
        1
    );
    let messages = of_bots(&nearly_full, "signalr_outbox_messages");
    assert!((10..=21).contains(&messages), "{messages}");
    let empty = async {
        while of_bots(&metrics(server).await, "signalr_outbox_bytes") > 0 {
            tokio::task::yield_now().await;
        }
    };
    within(PATIENCE, "the numbers did not fall", empty)
        .await
        .unwrap();
}
