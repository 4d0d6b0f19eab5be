//! Redis goes, comes back, and has forgotten everything: no client is dropped.

use serde_json::json;

use super::{
    Cluster,
    clients::{Listener, Poller, Protocol, Spread, negotiate},
};
use crate::support::{Task, hub_client::HubClient, turn};

#[tokio::test]
async fn polls_and_posts_wait_while_redis_is_away_and_go_on_when_it_is_back_empty() {
    let _turn = turn::beside_others();
    let Some(mut cluster) = Cluster::start(3, &[]).await else {
        return;
    };
    let spread = || Spread::over(cluster.addresses());
    let mut poller = Poller::connect(spread(), Protocol::Json).await;
    let mut binary = Poller::connect(spread(), Protocol::MessagePack).await;
    let mut listener = Listener::connect(spread()).await;
    let mut socket = HubClient::connect(cluster.address(0), "").await;

    cluster.redis.kill();
    let polling = Task::spawn(async move {
        for number in 0..4 {
            assert_eq!(
                poller.call("Echo", json!([format!("{number}")])).await,
                format!("{number}")
            );
        }
        poller
    });
    let posting = Task::spawn(async move {
        assert_eq!(listener.call("Echo", json!(["posted"])).await, "posted");
    });
    // A client that comes meanwhile to one instance is served there.
    let token = negotiate(cluster.address(1), "negotiateVersion=1").await;
    let path = format!("/conformance?id={token}");
    let mut newcomer = HubClient::connect_to(cluster.address(1), &path).await;
    assert_eq!(newcomer.invoke("Echo", json!(["new"])).await, "new");
    assert_eq!(socket.invoke("Echo", json!(["old"])).await, "old");

    cluster.redis.restart().await;
    let mut poller = polling.result().await;
    posting.result().await;
    assert_eq!(binary.call("Echo", json!(["binary"])).await, "binary");
    assert_eq!(newcomer.invoke("Echo", json!(["still"])).await, "still");

    let flushed = cluster.redis.ask(&["FLUSHALL"]).await;
    assert_eq!(flushed[0], "+OK");
    for number in 0..6 {
        let text = format!("flushed {number}");
        assert_eq!(poller.call("Echo", json!([text])).await, *text);
        assert_eq!(binary.call("Echo", json!([text])).await, *text);
    }
}

#[tokio::test]
async fn of_two_connections_that_one_token_made_while_redis_was_away_one_is_ended() {
    let _turn = turn::beside_others();
    let Some(mut cluster) = Cluster::start(2, &[]).await else {
        return;
    };
    // An answer to this shows that an instance has met the fleet.
    negotiate(cluster.address(1), "negotiateVersion=1").await;
    let token = negotiate(cluster.address(0), "negotiateVersion=1").await;
    let path = format!("/conformance?id={token}");
    cluster.redis.kill();
    let mut clients = [
        HubClient::connect_to(cluster.address(0), &path).await,
        HubClient::connect_to(cluster.address(1), &path).await,
    ];
    cluster.redis.restart().await;
    let [one, other] = &mut clients;
    let ended = tokio::select! {
        _ = one.closed() => 0,
        _ = other.closed() => 1,
    };
    let left = &mut clients[1 - ended];
    assert_eq!(left.invoke("Echo", json!(["mine"])).await, "mine");
}
