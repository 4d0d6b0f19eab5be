//! An instance of several is asked to stop: its clients come back elsewhere, nothing is lost.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    Cluster,
    clients::{Listener, Message, Poller, Protocol, Spread, ask, negotiate, status},
};
use crate::support::{
    Task,
    http::Request,
    hub_client::{HubClient, Received},
    turn,
};

#[tokio::test]
async fn clients_of_a_stopping_instance_are_moved_and_its_connections_are_gone_from_the_directory()
{
    let _turn = turn::beside_others();
    let Some(mut cluster) = Cluster::start(2, &[("DISCONNECT_MS", "60000")]).await else {
        return;
    };
    let stopping = cluster.instances.remove(0);
    let (here, there) = (stopping.address(), cluster.address(0));
    let mut socket = HubClient::connect(here, "").await;
    let mut listener = Listener::connect(Spread::over(vec![here])).await;
    let mut poller = Poller::connect(Spread::over(vec![here]), Protocol::MessagePack).await;
    let fresh = negotiate(there, "negotiateVersion=1").await;
    let instance = cluster.owner_of_connections(2).await;
    // A call under way; its answer is fetched from the other instance while the first one stops.
    let call = Protocol::MessagePack.invocation(Some("slow"), "Delay", &json!([3_000]));
    poller.post(&call).await;
    let waiting = Task::spawn({
        let poll = Request::new("GET", poller.path());
        async move { ask(there, &poll).await }
    });

    let began = Instant::now();
    stopping.terminate();
    let moved = json!({"type": 7, "allowReconnect": true});
    assert!(matches!(socket.next().await, Received::Message(message) if message == moved));
    assert_eq!(listener.next().await, moved);
    let path = format!("/conformance?id={fresh}");
    assert_eq!(
        status(here, "GET", &path).await.0,
        503,
        "nothing new begins there"
    );
    poller.spread = Spread::over(vec![there]);
    poller.take_in(&waiting.result().await.body);
    let answered = Message::Completion {
        id: "slow".into(),
        result: json!(3_000),
    };
    assert_eq!(poller.next().await, answered);
    assert_eq!(
        poller.next().await,
        Message::Close {
            allow_reconnect: true
        }
    );
    // The token that was refused there makes its connection here.
    let again = Poller::connect_with(Spread::over(vec![there]), Protocol::Json, fresh);
    assert_eq!(again.await.call("Echo", json!(["moved"])).await, "moved");
    let key = format!("managing-api:{{default}}:connections-of:{instance}");
    cluster.until(&format!("EXISTS {key}"), ":0").await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "all within the grace period"
    );
}

/// The JavaScript client takes an empty answer to a binary poll for a handshake response that is cut.
#[tokio::test]
async fn a_stopping_instance_sends_polls_back_but_not_before_the_handshake() {
    let _turn = turn::beside_others();
    let Some(mut cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    let stopping = cluster.instances.remove(0);
    let (edge, home) = (stopping.address(), cluster.address(0));
    let token = negotiate(home, "negotiateVersion=1").await;
    let young = Request::new("GET", format!("/conformance?id={token}"));
    assert_eq!(ask(home, &young).await.body, b"", "the first poll");
    let old = Poller::connect(Spread::over(vec![home]), Protocol::MessagePack).await;
    let old = Request::new("GET", old.path());
    let before = cluster.publishes().await;
    let young = Task::spawn(async move { ask(edge, &young).await });
    let old = Task::spawn(async move { ask(edge, &old).await });
    cluster
        .published(before + 2, "both polls are carried home")
        .await;

    stopping.terminate();
    let sent_back = old.result().await;
    assert_eq!((sent_back.head.status, &*sent_back.body), (200, &b""[..]));
    assert!(young.is_pending(), "it waits for its handshake");
    let handshake = Protocol::MessagePack.handshake();
    let post = Request::new("POST", format!("/conformance?id={token}")).body(&handshake[..]);
    assert_eq!(ask(home, &post).await.head.status, 200);
    let response = young.result().await;
    assert_eq!(
        (response.head.status, &*response.body),
        (200, &b"{}\x1e"[..])
    );
}
