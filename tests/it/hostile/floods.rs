//! Much of something small.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::json;

use super::{MIB, attacked::Attacked};
use crate::support::http::{self, Request};
use crate::support::hub_client::{HubClient, PATIENCE, Received, negotiate};
use crate::support::server::Server;
use crate::support::websocket::{PING, TEXT, encode_frame};
use crate::support::{scale, turn, within};

#[tokio::test]
async fn a_flood_of_tiny_messages_is_worked_off_beside_the_others() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    let mut client = HubClient::connect(server.address(), "").await;
    let ping = "{\"type\":6}\x1e";
    let call = "{\"type\":1,\"target\":\"Nothing\",\"arguments\":[]}\x1e";
    let unknown = "{\"type\":5,\"invocationId\":\"no\"}\x1e";
    let batch = [ping, call, unknown].concat().repeat(500);
    for _ in 0..scale(30, 1000) {
        client.sender.text(&batch).await.expect("sent");
    }
    assert_eq!(client.invoke("Add", json!([1, 2])).await, 3);
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

#[tokio::test]
async fn a_flood_of_frames_is_worked_off_beside_the_others() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    let mut client = HubClient::connect(server.address(), "").await;
    let empty = encode_frame(TEXT, true, b"");
    let ping = encode_frame(PING, true, b"ping");
    let fragments = [encode_frame(TEXT, false, b""), encode_frame(0, true, b"")].concat();
    let batch = [empty, ping, fragments].concat().repeat(500);
    for _ in 0..scale(20, 500) {
        client.sender.raw(&batch).await.expect("sent");
    }
    assert_eq!(client.invoke("Add", json!([1, 2])).await, 3);
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

/// Nobody reads the pongs: the server must not collect them without bound.
#[tokio::test]
async fn a_flood_of_pings_whose_pongs_are_not_read_is_bounded() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    let client = HubClient::connect(server.address(), "")
        .await
        .stop_reading()
        .await;
    let batch = encode_frame(PING, true, &[b'p'; 125]).repeat(1000);
    let flood = async {
        for _ in 0..scale(400, 4000) {
            if client.sender.raw(&batch).await.is_err() {
                break;
            }
        }
    };
    // The server may stop reading, or cut the connection.
    let _ = tokio::time::timeout(Duration::from_secs(20), flood).await;
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

#[tokio::test]
async fn negotiates_that_are_never_used_cost_nothing_that_lasts() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    // The first ones warm up the allocator.
    negotiate_often(&server, 500).await;
    server.count_memory_from_here();
    negotiate_often(&server, scale(5_000, 100_000)).await;
    server.assert_grew_less_than(32 * MIB);
    server.assert_undisturbed();
}

async fn negotiate_often(server: &Server, times: usize) {
    let address = server.address();
    let requests = stream::iter(0..times).map(|number| async move {
        let version = number % 2;
        let path = format!("/conformance/negotiate?negotiateVersion={version}");
        let answer = http::send(address, &Request::new("POST", path)).await;
        assert_eq!(answer.expect("answered").head.status, 200);
    });
    requests.buffer_unordered(8).for_each(|()| async {}).await;
}

/// A POST before any transport is kept; what nobody comes for must go again.
#[tokio::test]
async fn posts_that_no_transport_follows_are_given_back() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[("DISCONNECT_MS", "1500")]);
    let address = server.address();
    let post = move |token: String| async move {
        let request =
            Request::new("POST", format!("/conformance?id={token}")).body(vec![b'x'; 30_000]);
        let answer = http::send(address, &request).await.expect("answered");
        assert_eq!(answer.head.status, 200);
        token
    };
    server.count_memory_from_here();
    let requests = stream::iter(0..scale(1_000, 10_000))
        .map(|_| async move { post(negotiate(address, "").await).await })
        .buffer_unordered(8);
    let tokens: Vec<String> = requests.collect().await;
    // The newest is the last to go.
    let newest = tokens.last().expect("there are some");
    let forgotten = async { while is_known(address, newest).await {} };
    within(PATIENCE * 2, "a connection is still known", forgotten)
        .await
        .unwrap();
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

/// Asks by an empty POST, which does not keep a connection alive.
async fn is_known(address: SocketAddr, token: &str) -> bool {
    tokio::time::sleep(Duration::from_millis(100)).await;
    let request = Request::new("POST", format!("/conformance?id={token}")).body("");
    let answer = http::send(address, &request).await.expect("answered");
    answer.head.status != 404
}

#[tokio::test]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    let address = server.address();
    let visit = move |number: usize| async move {
        let mut client = HubClient::connect(address, "").await;
        client
            .invoke("Join", json!([format!("group {number}")]))
            .await;
        if number.is_multiple_of(2) {
            client.send_message(&json!({"type": 7})).await;
            client.closed().await;
        }
    };
    let visits = |times| {
        stream::iter(0..times)
            .map(visit)
            .buffer_unordered(8)
            .for_each(|()| async {})
    };
    visits(200).await;
    server.count_memory_from_here();
    visits(scale(1_000, 20_000)).await;
    server.assert_grew_less_than(32 * MIB);
    server.assert_undisturbed();
}

/// Many calls at once on one connection: they wait their turn in the client's socket, not in memory.
#[tokio::test]
async fn calls_behind_a_slow_one_are_answered_in_order() {
    let _turn = turn::alone();
    let server = Attacked::with(&[]);
    let mut client = HubClient::connect(server.address(), "").await;
    client.send("Delay", json!([500])).await;
    let calls = scale(2_000, 50_000);
    let batch: String = (0..calls)
        .map(|n| format!("{{\"type\":1,\"invocationId\":\"n{n}\",\"target\":\"Add\",\"arguments\":[{n},1]}}\x1e"))
        .collect();
    let sender = client.sender.clone();
    let sending = tokio::spawn(async move { sender.text(&batch).await });
    for n in 0..calls {
        match client.next().await {
            Received::Message(value) => {
                assert_eq!(
                    value,
                    json!({"type": 3, "invocationId": format!("n{n}"), "result": n + 1})
                );
            }
            Received::Closed { code } => panic!("closed with {code}"),
        }
    }
    sending.await.expect("no panic").expect("sent");
    server.assert_undisturbed();
}
