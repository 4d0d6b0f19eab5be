//! Clients that do not read what they are sent.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{MIB, attacked::Attacked, descriptors_fall_to};
use crate::support::http::{self, Request};
use crate::support::hub_client::{HubClient, PATIENCE, SilentClient, negotiate};
use crate::support::server::Server;
use crate::support::{Task, scale, turn, within};

/// Joins a group, then counts what is published there, to the last number or to the end of the test.
async fn member(server: &Server, group: &str, query: &str) -> HubClient {
    let mut client = HubClient::connect(server.address(), query).await;
    client.invoke("Join", json!([group])).await;
    client
}

/// Receives payloads `[number, …]` in order until the last; the longest time between two.
fn follow(mut client: HubClient, messages: usize) -> Task<Duration> {
    Task::spawn(async move {
        let mut longest = Duration::ZERO;
        for number in 0..messages {
            let began = Instant::now();
            let arguments = client.next_call("Published").await;
            assert_eq!(arguments[0][0], number, "a message was lost or came twice");
            longest = longest.max(began.elapsed());
        }
        longest
    })
}

async fn notes(client: &mut HubClient, tag: &str) -> Vec<Value> {
    let notes = client.invoke("Events", json!([tag])).await;
    notes.as_array().expect("a list").clone()
}

async fn wait_for_disconnect(client: &mut HubClient, tag: &str) {
    let wait = async {
        while notes(client, tag).await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within(
        PATIENCE * 2,
        "the client that does not read was not cut off",
        wait,
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn a_group_does_not_wait_for_a_member_that_stops_reading() {
    let _turn = turn::alone();
    let server = Attacked::with(&[]);
    let messages = scale(1_500, 10_000);
    let mut publisher = HubClient::connect(server.address(), "").await;
    let fellows = [
        member(&server, "g", "").await,
        member(&server, "g", "").await,
    ];
    let _silent: SilentClient = member(&server, "g", "tag=silent")
        .await
        .stop_reading()
        .await;
    let fellows = fellows.map(|client| follow(client, messages));
    // 500 messages of 1 KB a second.
    let text = "x".repeat(1000);
    let mut clock = tokio::time::interval(Duration::from_millis(2));
    let mut longest = Duration::ZERO;
    for number in 0..messages {
        clock.tick().await;
        let began = Instant::now();
        publisher
            .invoke("Publish", json!(["g", [number, text]]))
            .await;
        longest = longest.max(began.elapsed());
    }
    println!("the slowest of {messages} publishes took {longest:?}");
    assert!(
        longest < Duration::from_secs(3),
        "a publish took {longest:?}"
    );
    for fellow in fellows {
        let gap = within(PATIENCE, "a fellow fell behind", fellow.result())
            .await
            .unwrap();
        assert!(gap < Duration::from_secs(3), "a fellow waited {gap:?}");
    }
    server.assert_undisturbed();
}

#[tokio::test]
async fn a_member_that_stops_reading_is_cut_off_when_its_bound_is_reached() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    // 32 KB each: the bound of 8 MiB and what sockets hold are exceeded well before the end.
    let messages = scale(1_500, 4_000);
    let mut publisher = HubClient::connect(server.address(), "").await;
    let fellow = follow(member(&server, "g", "").await, messages);
    server.count_memory_from_here();
    let _silent: SilentClient = member(&server, "g", "tag=silent")
        .await
        .stop_reading()
        .await;
    let text = "x".repeat(30_000);
    for number in 0..messages {
        publisher
            .invoke("Publish", json!(["g", [number, text]]))
            .await;
    }
    within(PATIENCE, "a fellow fell behind", fellow.result())
        .await
        .unwrap();
    wait_for_disconnect(&mut publisher, "silent").await;
    let told = notes(&mut publisher, "silent").await;
    assert_eq!(told, ["connected", "disconnected with error"]);
    server.assert_grew_less_than(96 * MIB);
    server.assert_undisturbed();
}

/// What a connection asked for itself waits for room instead.
#[tokio::test]
async fn a_caller_that_does_not_read_its_results_is_held_back_and_then_cut_off() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[("SEND_MS", "2000")]);
    let client = HubClient::connect(server.address(), "tag=caller").await;
    let silent = client.stop_reading().await;
    let call = "{\"type\":1,\"invocationId\":\"1\",\"target\":\"Big\",\"arguments\":[1000000]}\x1e";
    let _ = silent.sender.text(&call.repeat(200)).await;
    let mut observer = HubClient::connect(server.address(), "").await;
    wait_for_disconnect(&mut observer, "caller").await;
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_held_back_and_then_cut_off() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[("SEND_MS", "2000")]);
    let client = HubClient::connect(server.address(), "tag=stream").await;
    let silent = client.stop_reading().await;
    let call =
        json!({"type": 4, "invocationId": "1", "target": "Counter", "arguments": [100_000_000, 0]});
    silent
        .sender
        .text(&format!("{call}\x1e"))
        .await
        .expect("sent");
    let mut observer = HubClient::connect(server.address(), "").await;
    wait_for_disconnect(&mut observer, "stream").await;
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

/// The last word waits behind what is not read; it must not be waited for without end.
#[tokio::test]
async fn clients_that_had_stopped_reading_when_they_were_sent_away_are_let_go() {
    let _turn = turn::alone();
    let server = Attacked::with(&[("TIMEOUT_MS", "1500"), ("SEND_MS", "4000")]);
    let mut publisher = HubClient::connect(server.address(), "").await;
    let before = server.open_descriptors();
    let mut silent: Vec<SilentClient> = Vec::new();
    for _ in 0..20 {
        let member = member(&server, "g", "tag=silent").await;
        // Who has pinged once is held to the client timeout.
        member.send_message(&json!({"type": 6})).await;
        silent.push(member.stop_reading().await);
    }
    // More than sockets hold, less than the bound of 8 MiB.
    let text = "x".repeat(30_000);
    for number in 0..300 {
        publisher
            .invoke("Publish", json!(["g", [number, text]]))
            .await;
    }
    descriptors_fall_to(&server, before).await;
    let told = notes(&mut publisher, "silent").await;
    let ended = told.iter().filter(|note| **note != "connected").count();
    assert_eq!(ended, silent.len(), "{told:?}");
    server.assert_undisturbed();
}

/// Wrong calls are answered without taking a turn, so that their answers are bounded otherwise.
#[tokio::test]
async fn answers_to_wrong_calls_that_nobody_reads_are_bounded() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    let client = HubClient::connect(server.address(), "tag=wrong").await;
    let silent = client.stop_reading().await;
    let target = "x".repeat(20_000);
    let call = format!(
        "{{\"type\":1,\"invocationId\":\"1\",\"target\":\"{target}\",\"arguments\":[]}}\x1e"
    );
    let flood = async {
        for _ in 0..scale(6_000, 20_000) {
            if silent.sender.text(&call).await.is_err() {
                break;
            }
        }
    };
    let mut observer = HubClient::connect(server.address(), "").await;
    let _ = tokio::join!(flood, wait_for_disconnect(&mut observer, "wrong"));
    let told = notes(&mut observer, "wrong").await;
    assert_eq!(told, ["connected", "disconnected with error"]);
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

/// The answers of event streams, polls and routes are written by actix, which waits without end.
#[tokio::test]
async fn clients_that_stop_reading_an_answer_are_let_go() {
    let _turn = turn::alone();
    let server = Attacked::with(&[("SEND_MS", "1000")]);
    let address = server.address();
    let before = server.open_descriptors();
    let mut unread = Vec::new();
    for number in 0..10 {
        let token = negotiate(address, "").await;
        let path = format!("/conformance?id={token}");
        let mut get = Request::new("GET", path.as_str());
        if number % 2 == 0 {
            get = get.header("Accept", "text/event-stream");
        }
        let first = http::open(address, &get).await.expect("answered");
        let call = r#"{"type":1,"invocationId":"1","target":"Big","arguments":[8000000]}"#;
        let body = format!("{{\"protocol\":\"json\",\"version\":1}}\x1e{call}\x1e");
        let post = Request::new("POST", path.as_str()).body(body);
        let answer = http::send(address, &post).await.expect("answered");
        assert_eq!(answer.head.status, 200);
        // The poll that is answered with the handshake, and the one with the result.
        for _ in 0..(number % 2) * 2 {
            unread.push(http::open(address, &get).await.expect("answered"));
        }
        unread.push(first);
    }
    descriptors_fall_to(&server, before).await;
    server.assert_undisturbed();
}
