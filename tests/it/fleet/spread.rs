//! Every request of a connection meets another instance, and nobody notices.

use serde_json::{Value, json};

use super::{
    Cluster,
    clients::{Listener, Message, Poller, Protocol, Spread, ask, negotiate},
};
use crate::support::{
    http::Request,
    hub_client::{HubClient, open_socket},
    turn,
    websocket::Incoming,
};

#[tokio::test]
async fn a_socket_opens_where_it_was_not_negotiated() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
    let path = format!("/conformance?id={token}");
    let mut client = HubClient::connect_to(cluster.address(1), &path).await;
    assert_eq!(client.invoke("Echo", json!(["hello"])).await, "hello");

    let token = negotiate(cluster.address(1), "negotiateVersion=1").await;
    let path = format!("/conformance?id={token}");
    let (sender, mut receiver) = open_socket(cluster.address(0), &path).await;
    let handshake = String::from_utf8(Protocol::MessagePack.handshake()).expect("text");
    sender.text(&handshake).await.expect("open");
    let call = Protocol::MessagePack.invocation(Some("1"), "Echo", &json!(["binary"]));
    sender.message(true, &call).await.expect("open");
    loop {
        let Incoming::Message { bytes, binary } = receiver.next().await else {
            panic!("it ended");
        };
        let done = |message: &Message| matches!(message, Message::Completion { result, .. } if *result == "binary");
        // The handshake's answer is JSON, whatever the protocol, and may come along.
        let messages = bytes.strip_prefix(b"{}\x1e").unwrap_or(&bytes);
        if Protocol::MessagePack.read(messages).iter().any(done) {
            assert!(binary, "MessagePack comes in binary frames");
            break;
        }
    }
}

#[tokio::test]
async fn an_event_stream_is_fed_by_posts_to_every_instance() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    let mut listener = Listener::connect(Spread::over(cluster.addresses())).await;
    let buffering = listener.head.header("x-accel-buffering");
    assert_eq!(buffering.as_deref(), Some("no"));
    for number in 0..12 {
        let text = format!("post {number}");
        assert_eq!(listener.call("Echo", json!([text])).await, *text);
    }
    // Larger than a piece of a forwarded body and the largest hub message, in parts.
    let message = Protocol::Json.invocation(Some("big"), "Length", &json!(["x".repeat(30_000)]));
    let many = message.repeat(8);
    listener.post(&many).await;
    for _ in 0..8 {
        assert_eq!(listener.next().await["result"], 30_000);
    }
}

#[tokio::test]
async fn polls_and_posts_meet_every_instance_in_turn_and_nothing_is_lost_doubled_or_reordered() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    for protocol in [Protocol::Json, Protocol::MessagePack] {
        let mut poller = Poller::connect(Spread::over(cluster.addresses()), protocol).await;
        for number in 0..12 {
            let text = format!("call {number}");
            assert_eq!(
                poller.call("Echo", json!([text])).await,
                *text,
                "{protocol:?}"
            );
        }
        poller.send("ToCallerMany", json!(["Count", 200])).await;
        let mut counted = Vec::new();
        while counted.len() < 200 {
            match poller.next().await {
                Message::Call { target, arguments } if target == "Count" => {
                    counted.push(arguments[0].as_i64().expect("a number"));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(counted, (0..200).collect::<Vec<_>>(), "{protocol:?}");
        let delete = Request::new("DELETE", poller.path());
        let deleted = ask(poller.spread.next(), &delete).await;
        assert_eq!(deleted.head.status, 202);
        let gone = poller.poll().await;
        assert_eq!(gone.head.status, 404);
    }
}

#[tokio::test]
async fn what_is_posted_before_there_is_a_transport_waits_for_it_whatever_comes_where() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    let post = async |token: &str, bytes: Vec<u8>| {
        let request = Request::new("POST", format!("/conformance?id={token}")).body(bytes);
        let answer = ask(cluster.address(2), &request).await;
        assert_eq!(answer.head.status, 200);
    };
    let mut early = Protocol::Json.handshake();
    early.extend(Protocol::Json.invocation(Some("early"), "Echo", &json!(["first"])));

    let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
    post(&token, early.clone()).await;
    let (_sender, mut receiver) =
        open_socket(cluster.address(1), &format!("/conformance?id={token}")).await;
    let mut records = Vec::new();
    while records.len() < 2 {
        let Incoming::Message { bytes, .. } = receiver.next().await else {
            panic!("it ended after {records:?}");
        };
        let parts = bytes
            .split(|byte| *byte == 0x1E)
            .filter(|part| !part.is_empty());
        records.extend(parts.map(|part| serde_json::from_slice::<Value>(part).expect("JSON")));
    }
    assert_eq!(records[0], json!({}));
    assert_eq!(records[1]["result"], "first");

    let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
    post(&token, early.clone()).await;
    let spread = Spread::over(cluster.addresses());
    let mut listener = Listener::open(spread, token).await.expect("it opens");
    assert_eq!(listener.next().await, json!({}));
    assert_eq!(listener.next().await["result"], "first");
    assert_eq!(listener.call("Echo", json!(["later"])).await, "later");

    let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
    post(&token, early).await;
    let path = format!("/conformance?id={token}");
    let first = ask(cluster.address(0), &Request::new("GET", &*path)).await;
    assert_eq!((first.head.status, first.body.len()), (200, 0));
    let mut body = Vec::new();
    while !String::from_utf8_lossy(&body).contains("first") {
        let next = ask(cluster.address(1), &Request::new("GET", &*path)).await;
        assert_eq!(next.head.status, 200);
        body.extend(next.body);
    }
}

#[tokio::test]
async fn an_id_of_version_0_is_known_to_every_instance_until_it_was_used() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    let id = negotiate(cluster.address(0), "negotiateVersion=0").await;
    assert_eq!(id.len(), 22);
    let spread = Spread::over(vec![cluster.address(1), cluster.address(0)]);
    let mut poller = Poller::connect_with(spread, Protocol::Json, id.clone()).await;
    assert_eq!(poller.call("Echo", json!(["old"])).await, "old");
    assert_eq!(poller.call("ConnectionId", json!([])).await, *id);
}
