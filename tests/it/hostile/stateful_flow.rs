//! Groups of clients with stateful reconnect: what is kept for a resume must neither slow the group nor
//! grow without bound.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{MIB, attacked::Attacked};
use crate::support::hub_client::{HubClient, PATIENCE, Received, negotiate};
use crate::support::server::Server;
use crate::support::{Task, scale, turn, within};

/// Receives published numbers in order, and acknowledges once a second as the official clients do.
fn follow(mut client: HubClient, messages: usize) -> Task {
    Task::spawn(async move {
        // The completion of `Join` was the first message that counts.
        let mut received = 1;
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        while received <= messages {
            tokio::select! {
                _ = clock.tick() => {
                    client.send_message(&json!({"type": 8, "sequenceId": received})).await;
                }
                next = client.next() => match next {
                    Received::Message(value) if value["type"] == 1 => {
                        assert_eq!(value["arguments"][0][0], received - 1, "lost or doubled");
                        received += 1;
                    }
                    Received::Message(_) => {}
                    Received::Closed { code } => panic!("closed with {code}"),
                },
            }
        }
    })
}

/// The reference's buffer of 100,000 bytes would allow about 100 KB a second.
#[tokio::test]
async fn a_stateful_group_flows_at_500_kilobytes_a_second() {
    let _turn = turn::alone();
    let server = Attacked::with(&[]);
    let messages = scale(2_000, 15_000);
    let mut fellows = Vec::new();
    for _ in 0..3 {
        let mut client = HubClient::connect_stateful(server.address(), "").await;
        client.invoke("Join", json!(["g"])).await;
        fellows.push(follow(client, messages));
    }
    let mut publisher = HubClient::connect(server.address(), "").await;
    let text = "x".repeat(1000);
    let mut clock = tokio::time::interval(Duration::from_millis(2));
    let began = Instant::now();
    for number in 0..messages {
        clock.tick().await;
        publisher
            .invoke("Publish", json!(["g", [number, text]]))
            .await;
    }
    for fellow in fellows {
        within(PATIENCE, "a fellow fell behind", fellow.result())
            .await
            .unwrap();
    }
    let (took, planned) = (began.elapsed(), Duration::from_millis(2) * messages as u32);
    println!("{messages} messages planned for {planned:?} took {took:?}");
    assert!(
        took < planned * 2 + Duration::from_secs(3),
        "planned for {planned:?}, took {took:?}"
    );
    server.assert_undisturbed();
}

#[tokio::test]
async fn a_stateful_client_that_never_acknowledges_is_cut_off_and_slows_nobody() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    let mut deaf = HubClient::connect_stateful(server.address(), "tag=deaf").await;
    deaf.invoke("Join", json!(["g"])).await;
    let mut publisher = HubClient::connect(server.address(), "").await;
    let text = "x".repeat(30_000);
    let reading = Task::spawn(async move { deaf.closed().await });
    let mut longest = Duration::ZERO;
    for number in 0..scale(600, 2_000) {
        let began = Instant::now();
        publisher
            .invoke("Publish", json!(["g", [number, text]]))
            .await;
        longest = longest.max(began.elapsed());
    }
    within(
        PATIENCE,
        "the deaf client was not cut off",
        reading.result(),
    )
    .await
    .unwrap();
    assert!(
        longest < Duration::from_secs(3),
        "a publish took {longest:?}"
    );
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

/// A client that is away misses nothing, unless more comes than the server may keep for it.
#[tokio::test]
async fn a_stateful_client_that_is_away_finds_everything_when_it_returns() {
    let _turn = turn::beside_others();
    let server = Server::with(&[]);
    let address = server.address();
    let token = negotiate(address, "useStatefulReconnect=true").await;
    let path = format!("/conformance?id={token}");
    let mut client = HubClient::connect_stateful_at(address, &path).await;
    client.invoke("Join", json!(["g"])).await;
    drop(client);
    let mut publisher = HubClient::connect(address, "").await;
    let text = "x".repeat(10_000);
    for number in 0..200 {
        publisher
            .invoke("Publish", json!(["g", [number, text]]))
            .await;
    }
    let mut client = HubClient::resume(address, &path).await;
    assert!(matches!(client.next().await, Received::Message(value) if value["type"] == 9));
    for number in 0..200 {
        assert_eq!(client.next_call("Published").await[0][0], number);
    }
}
