//! A token makes one connection, once, for whoever negotiated it, on whatever instance.

use std::time::Duration;

use serde_json::json;

use super::{
    Cluster,
    clients::{Listener, Message, Poller, Protocol, Spread, ask, negotiate, status},
};
use crate::support::{
    Task,
    http::Request,
    hub_client::HubClient,
    turn,
    websocket::{self, Upgrade},
};

/// The status of a refused upgrade; 101 if it was let in.
async fn upgrade(address: std::net::SocketAddr, path: &str) -> u16 {
    match websocket::connect(address, path, &[])
        .await
        .expect("an answer")
    {
        Upgrade::Open(..) => 101,
        Upgrade::Refused(answer) => answer.head.status,
    }
}

#[tokio::test]
async fn a_token_is_claimed_once_and_never_again() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
    let path = format!("/conformance?id={token}");
    let mut client = HubClient::connect_to(cluster.address(0), &path).await;
    assert_eq!(client.invoke("Echo", json!(["mine"])).await, "mine");
    for instance in [0, 1] {
        let address = cluster.address(instance);
        assert_eq!(
            upgrade(address, &path).await,
            409,
            "a second socket at {instance}"
        );
        let stream = Listener::open(Spread::over(vec![address]), token.clone()).await;
        assert_eq!(stream.err(), Some(400), "a stream at {instance}");
        assert_eq!(
            status(address, "GET", &path).await.0,
            400,
            "a poll at {instance}"
        );
        let post = ask(address, &Request::new("POST", &*path).body("x")).await;
        assert_eq!(post.head.status, 405, "a post at {instance}");
        assert_eq!(
            status(address, "DELETE", &path).await.0,
            400,
            "an end at {instance}"
        );
    }
    assert_eq!(client.invoke("Echo", json!(["still"])).await, "still");
    client.sender.close(Some(1000), "").await.expect("open");
    client.closed().await;
    for instance in [0, 1, 0] {
        let status = upgrade(cluster.address(instance), &path).await;
        assert_eq!(status, 404, "a replay at {instance}");
    }
}

#[tokio::test]
async fn of_two_sockets_at_the_same_time_one_is_let_in() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    for _ in 0..10 {
        let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
        let path = format!("/conformance?id={token}");
        let connect = async |index| websocket::connect(cluster.address(index), &path, &[]).await;
        let (one, other) = tokio::join!(connect(0), connect(1));
        let status = |upgrade: &Upgrade| match upgrade {
            Upgrade::Open(..) => 101,
            Upgrade::Refused(answer) => answer.head.status,
        };
        let mut both = [
            status(&one.expect("answered")),
            status(&other.expect("answered")),
        ];
        both.sort();
        assert_eq!(both, [101, 409]);
    }
}

/// Larger than what is buffered before there is a transport.
#[tokio::test]
async fn a_large_body_that_comes_before_its_transport_moves_with_the_connection() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
    let mut body = Protocol::Json.handshake();
    let texts: Vec<String> = (0..20)
        .map(|number| number.to_string().repeat(10_000))
        .collect();
    for text in &texts {
        let arguments = json!(["Message", text]);
        body.extend(Protocol::Json.invocation(None, "ToCaller", &arguments));
    }
    let spread = Spread::over(vec![cluster.address(1)]);
    let mut poller = Poller::new(spread, Protocol::Json, token);
    let post = Task::spawn({
        let (address, path) = (cluster.address(0), poller.path());
        async move { ask(address, &Request::new("POST", path).body(body)).await }
    });
    let claimed = "EVAL \"return #redis.call('KEYS', '*}:connection:*')\" 0";
    cluster.until(claimed, ":1").await;
    let first = poller.poll().await;
    assert_eq!((first.head.status, first.body.len()), (200, 0));
    assert_eq!(post.result().await.head.status, 200);
    for text in texts {
        let arguments = json!([text]);
        let target = "Message".to_owned();
        assert_eq!(poller.next().await, Message::Call { target, arguments });
    }
}

#[tokio::test]
async fn expired_forged_and_foreign_tokens_are_refused_everywhere() {
    let _turn = turn::beside_others();
    let options = [("DISCONNECT_MS", "1000"), ("BIND_USERS", "1")];
    let Some(cluster) = Cluster::start(2, &options).await else {
        return;
    };
    let token = negotiate(cluster.address(0), "negotiateVersion=1&user=ann").await;
    for instance in [0, 1] {
        let address = cluster.address(instance);
        let foreign = format!("/conformance?id={token}&user=bob");
        assert_eq!(upgrade(address, &foreign).await, 403);
        assert_eq!(status(address, "GET", &foreign).await.0, 403);
        let mut forged = token.clone().into_bytes();
        forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("text");
        assert_eq!(
            upgrade(address, &format!("/conformance?id={forged}")).await,
            404
        );
        assert_eq!(
            status(address, "GET", "/conformance?id=nonsense").await.0,
            404
        );
        assert_eq!(status(address, "GET", "/conformance").await.0, 400);
    }
    let spread = Spread::over(cluster.addresses());
    let own = format!("{token}&user=ann");
    let mut poller = Poller::connect_with(spread, Protocol::Json, own).await;
    assert_eq!(poller.call("UserId", json!([])).await, "ann");
    for instance in [0, 1] {
        let foreign = format!("/conformance?id={token}&user=bob");
        let answer = ask(
            cluster.address(instance),
            &Request::new("POST", foreign).body("x"),
        )
        .await;
        assert_eq!(answer.head.status, 403);
    }
    let token = negotiate(cluster.address(0), "negotiateVersion=1&user=ann").await;
    // What is tested is that time passes.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let late = format!("/conformance?id={token}&user=ann");
    assert_eq!(
        upgrade(cluster.address(0), &late).await,
        404,
        "its issuer judges exactly"
    );
}

#[tokio::test]
async fn a_resume_that_meets_another_instance_is_refused_and_ends_the_connection() {
    let _turn = turn::beside_others();
    let Some(cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    let query = "negotiateVersion=1&useStatefulReconnect=true";
    let token = negotiate(cluster.address(0), query).await;
    let path = format!("/conformance?id={token}");
    let client = HubClient::connect_stateful_at(cluster.address(0), &path).await;
    drop(client);
    assert_eq!(upgrade(cluster.address(1), &path).await, 404);
    assert_eq!(
        upgrade(cluster.address(0), &path).await,
        404,
        "and it is over at home"
    );
}
