//! A Redis that answers and refuses: the state says why, and what was wrong being put right is
//! enough.

use bytes::Bytes;
use managing_api::redis::{Options, RedisError, RedisService, State, Subscribed};
use tokio::net::TcpStream;

use super::{assert_flows, connected, is_down, options, wait_for};
use crate::support::{redis::RedisServer, turn};

/// Waits for a failure whose reason contains `text`.
async fn wait_for_reason(service: &RedisService, text: &str) {
    wait_for(
        service,
        text,
        |state| matches!(state, State::Down { reason, .. } if reason.contains(text)),
    )
    .await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_the_right_one_is_enough() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&["--requirepass", "right"]).await else {
        return;
    };
    let service = RedisService::start(Options {
        password: Some("s3cret".to_owned()),
        ..options(&server)
    });
    wait_for_reason(&service, "WRONGPASS").await;
    assert!(!service.state().to_string().contains("s3cret"));
    server
        .ask(&["AUTH right", "CONFIG SET requirepass s3cret"])
        .await;
    wait_for(&service, "up", State::is_up).await;
}

#[tokio::test]
async fn a_missing_password_is_told() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&["--requirepass", "right"]).await else {
        return;
    };
    let service = RedisService::start(options(&server));
    wait_for_reason(&service, "NOAUTH").await;
}

#[tokio::test]
async fn a_redis_that_is_full_is_joined_when_it_has_room() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&["--maxclients", "4"]).await else {
        return;
    };
    // One more than there is room for: those that were refused are closed, four stay.
    let mut others = Vec::new();
    for _ in 0..5 {
        let socket = TcpStream::connect(server.address()).await;
        others.push(socket.expect("the port is open"));
    }
    let service = RedisService::start(options(&server));
    wait_for_reason(&service, "max number of clients").await;
    drop(others);
    wait_for(&service, "up", State::is_up).await;
}

#[tokio::test]
async fn a_user_without_rights_to_the_channels_is_told_and_joins_when_it_has_them() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let rules = "ACL SETUSER app on >pw resetkeys resetchannels ~app:managing-api:* -@all \
                 +@connection +subscribe +unsubscribe +publish +pubsub +info +@read +@write +@scripting";
    server.ask(&[rules]).await;
    let service = RedisService::start(Options {
        user: Some("app".to_owned()),
        password: Some("pw".to_owned()),
        prefix: "app:".to_owned(),
        ..options(&server)
    });
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    wait_for(&service, "up", State::is_up).await;
    // A refused batch is not taken for a confirmed one.
    let subscribed = subscriber.subscribe(vec!["news".to_owned()]).await;
    assert_eq!(subscribed, Subscribed::Pending);
    wait_for_reason(&service, "NOPERM").await;

    server.ask(&["ACL SETUSER app &app:*"]).await;
    wait_for(&service, "up", State::is_up).await;
    assert_flows(&service, "news", &mut receiver).await;
    let key = Bytes::from(service.key("x"));
    let set = service.command("SET", vec![key, Bytes::from_static(b"1")]);
    assert!(set.await.is_ok());
    let other = service.command("GET", vec![Bytes::from_static(b"other")]);
    assert!(matches!(other.await, Err(RedisError::Refused(text)) if text.starts_with("NOPERM")));
}

/// Redis before version 6.
#[tokio::test]
async fn a_redis_that_knows_no_hello_is_spoken_to_in_resp2() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&["--rename-command", "HELLO", ""]).await else {
        return;
    };
    let service = connected(&server).await;
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    let subscribed = subscriber.subscribe(vec!["news".to_owned()]).await;
    assert_eq!(subscribed, Subscribed::Confirmed);
    assert_flows(&service, "news", &mut receiver).await;
}

#[tokio::test]
async fn both_connections_have_the_name_that_was_asked_for() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = RedisService::start(Options {
        client_name: Some("orders-api".to_owned()),
        database: Some(3),
        ..options(&server)
    });
    wait_for(&service, "up", State::is_up).await;
    let clients = server.ask(&["CLIENT LIST"]).await;
    let named = clients
        .iter()
        .filter(|line| line.contains(" name=orders-api "));
    assert_eq!(named.count(), 2, "{clients:?}");
    assert!(
        clients.iter().any(|line| line.contains(" db=3 ")),
        "{clients:?}"
    );
    assert!(!is_down(&service.state()));
}
