//! Instances and clients that are gone without a word.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    Cluster,
    clients::{Message, Poller, Protocol, Spread, negotiate, status},
};
use crate::support::{
    Task,
    http::{self, Request},
    hub_client::HubClient,
    turn,
};

/// "At once": the fleet knows of a killed process after two seconds, the rest is for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(4);

#[tokio::test]
async fn the_clients_of_a_killed_instance_are_told_at_once_that_their_connection_is_gone() {
    let _turn = turn::beside_others();
    let Some(mut cluster) = Cluster::start(2, &[("DISCONNECT_MS", "60000")]).await else {
        return;
    };
    // The home is the instance of the first poll.
    let home = Spread::over(vec![cluster.address(1)]);
    let mut poller = Poller::connect(home, Protocol::Json).await;
    assert_eq!(poller.call("Echo", json!(["here"])).await, "here");
    let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
    let path = format!("/conformance?id={token}");
    let socket = HubClient::connect_to(cluster.address(1), &path).await;
    let instance = cluster.owner_of_connections(2).await;
    let waiting = Task::spawn({
        let (address, path) = (cluster.address(0), poller.path());
        async move { status(address, "GET", &path).await }
    });
    // The handshake's answer of the socket that comes next shows that the poll is on its way too.
    let token = negotiate(cluster.address(1), "negotiateVersion=1").await;
    let other =
        HubClient::connect_to(cluster.address(1), &format!("/conformance?id={token}")).await;

    drop(cluster.instances.remove(1));
    let killed = Instant::now();
    let (poll, _) = waiting.result().await;
    let took = killed.elapsed();
    assert!(
        poll == 404 && took < AT_ONCE,
        "{poll} {took:?} after the death"
    );
    let (poll, took) = status(cluster.address(0), "GET", &poller.path()).await;
    assert!(poll == 404 && took < AT_ONCE, "{poll} after {took:?}");
    let (post, took) = status(cluster.address(0), "POST", &poller.path()).await;
    assert!(post == 404 && took < AT_ONCE, "{post} after {took:?}");
    drop((socket, other));

    // The survivor buries the dead: what it owned has ended, though its tokens are still fresh.
    let key = format!("managing-api:{{default}}:connections-of:{instance}");
    cluster.until(&format!("EXISTS {key}"), ":0").await;
    let (replay, _) = status(cluster.address(0), "GET", &path).await;
    assert_eq!(replay, 404);
}

#[tokio::test]
async fn what_a_dead_edge_or_a_vanished_client_did_not_get_comes_with_the_next_poll() {
    let _turn = turn::beside_others();
    let Some(mut cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    let home = Spread::over(vec![cluster.address(0)]);
    let mut poller = Poller::connect(home, Protocol::Json).await;
    let poll = Request::new("GET", poller.path());

    // A client that breaks its poll off, before the message and after it.
    let away = http::send(cluster.address(1), &poll);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), away)
            .await
            .is_err()
    );
    poller.send("ToCaller", json!(["Message", "first"])).await;
    let spread = Spread::over(vec![cluster.address(1), cluster.address(2)]);
    poller.spread = spread;
    assert_eq!(poller.next().await, message("first"));

    // The instance that holds the poll dies. The message may be on its way there already.
    let held = Task::spawn({
        let (address, poll) = (cluster.address(2), poll.clone());
        async move { http::send(address, &poll).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(cluster.instances.remove(2));
    assert!(held.result().await.is_err(), "its client sees it die");
    poller.spread = Spread::over(vec![cluster.address(0), cluster.address(1)]);
    for text in ["second", "third", "fourth"] {
        poller.send("ToCaller", json!(["Message", text])).await;
    }
    for text in ["second", "third", "fourth"] {
        assert_eq!(poller.next().await, message(text));
    }
}

/// Polls without a mark, as .NET's client makes them: the next one does not show that the answer
/// before has come.
#[tokio::test]
async fn what_an_edge_has_written_before_it_died_does_not_come_again() {
    let _turn = turn::beside_others();
    let Some(mut cluster) = Cluster::start(4, &[]).await else {
        return;
    };
    let home = Spread::over(vec![cluster.address(0)]);
    let mut poller = Poller::connect(home.clone(), Protocol::Json).await;
    for text in ["first", "second", "third"] {
        let edge = cluster.instances.pop().expect("an edge is left");
        poller.spread = Spread::over(vec![edge.address()]);
        let polling = Task::spawn({
            let (address, path) = (edge.address(), poller.path());
            async move { http::send(address, &Request::new("GET", path)).await }
        });
        poller.spread = home.clone();
        poller.send("ToCaller", json!(["Message", text])).await;
        let answer = polling.result().await.expect("an answer");
        drop(edge);
        poller.take_in(&answer.body);
        assert_eq!(poller.next().await, message(text));
    }
    poller.send("ToCaller", json!(["Message", "last"])).await;
    assert_eq!(poller.next().await, message("last"));
}

#[tokio::test]
async fn a_post_that_is_broken_off_at_another_instance_holds_up_nobody() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    let home = Spread::over(vec![cluster.address(0)]);
    let mut poller = Poller::connect(home, Protocol::Json).await;
    let broken = Request::new("POST", poller.path())
        .header("Content-Length", "100000")
        .body("x");
    let sent = http::send(cluster.address(1), &broken);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), sent)
            .await
            .is_err()
    );
    let began = Instant::now();
    // The half message is ended by this record separator, and is no message.
    poller.post(b"\x1e").await;
    assert!(began.elapsed() < AT_ONCE);
    let closed = poller.next().await;
    assert_eq!(
        closed,
        Message::Close {
            allow_reconnect: true
        }
    );
}

fn message(text: &str) -> Message {
    Message::Call {
        target: "Message".into(),
        arguments: json!([text]),
    }
}
