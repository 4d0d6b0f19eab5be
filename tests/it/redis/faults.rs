//! Every way in which a Redis can fail. Nothing here fails with it, and all of it comes back by
//! itself.

use std::time::Duration;

use bytes::Bytes;
use managing_api::redis::{Options, Received, RedisError, RedisService, State, Subscribed};
use tokio::time::Instant;

use super::{LIMIT, assert_flows, assert_rejoined, connected, is_down, options, wait_for};
use crate::support::{redis::RedisServer, turn, within};

#[tokio::test]
async fn a_redis_that_comes_late_is_joined_with_everything_that_was_asked_for() {
    let _turn = turn::beside_others();
    let Some(mut server) = RedisServer::absent(&[]) else {
        return;
    };
    let service = RedisService::start(options(&server));
    wait_for(&service, "down", is_down).await;
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    let subscribed = subscriber.subscribe(vec!["news".to_owned()]).await;
    assert_eq!(subscribed, Subscribed::Pending);
    let refused = service.pub_sub().publish("news", Bytes::new()).await;
    assert_eq!(refused, Err(RedisError::Unavailable));

    server.restart().await;
    let answering = Instant::now();
    wait_for(&service, "up", State::is_up).await;
    assert_rejoined(answering);
    assert_flows(&service, "news", &mut receiver).await;
}

#[tokio::test]
async fn a_redis_that_was_killed_and_restarted_empty_is_joined_again() {
    let _turn = turn::beside_others();
    let Some(mut server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = connected(&server).await;
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    subscriber.subscribe(vec!["news".to_owned()]).await;
    server.kill();
    wait_for(&service, "down", is_down).await;
    // One connection may know it a moment before the other.
    let get = || service.command("GET", vec![Bytes::from_static(b"x")]);
    let refused = get().await;
    assert!(
        matches!(
            refused,
            Err(RedisError::Unavailable | RedisError::Interrupted)
        ),
        "{refused:?}"
    );

    server.restart().await;
    let answering = Instant::now();
    wait_for(&service, "up", State::is_up).await;
    assert_rejoined(answering);
    assert_flows(&service, "news", &mut receiver).await;
}

#[tokio::test]
async fn a_frozen_redis_is_noticed_and_joined_when_it_goes_on() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = connected(&server).await;
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    subscriber.subscribe(vec!["news".to_owned()]).await;
    server.freeze();
    let frozen = Instant::now();
    let state = wait_for(&service, "down", is_down).await;
    let noticed = frozen.elapsed();
    assert!(noticed < Duration::from_secs(8), "after {noticed:?}");
    assert_eq!(state.to_string(), "unreachable: does not answer");

    server.thaw();
    let answering = Instant::now();
    wait_for(&service, "up", State::is_up).await;
    assert_rejoined(answering);
    assert_flows(&service, "news", &mut receiver).await;
}

/// What Redis had been given, and what it was about to give, is neither lost nor given again.
#[tokio::test]
async fn with_a_redis_that_was_only_frozen_everything_goes_on_as_if_nothing_had_been() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = RedisService::start(Options {
        command_timeout: 2 * LIMIT,
        ..options(&server)
    });
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    subscriber.subscribe(vec!["news".to_owned()]).await;
    wait_for(&service, "up", State::is_up).await;
    server.freeze();
    let payload = Bytes::from_static(b"\x92kept");
    let published = service.pub_sub().publish("news", payload.clone());
    wait_for(&service, "down", is_down).await;
    let joined = subscriber.subscribe(vec!["more".to_owned()]);
    // Whoever joins meanwhile is not kept waiting for longer than the silence takes to be noticed.
    let joined = within(LIMIT, "an answer to the subscription", joined).await;
    assert_eq!(joined, Ok(Subscribed::Pending));
    server.thaw();
    wait_for(&service, "up", State::is_up).await;
    assert_eq!(published.await, Ok(1));
    let received = within(LIMIT, "the message", receiver.recv()).await;
    let channel = "news".into();
    assert_eq!(received, Ok(Some(Received::Message { channel, payload })));
    subscriber.subscribe(vec!["even more".to_owned()]).await;
    assert_flows(&service, "more", &mut receiver).await;
    assert_eq!(service.numbers().reconnects.get(), 0);
}

#[tokio::test]
async fn a_killed_subscriber_connection_is_replaced() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = connected(&server).await;
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    subscriber.subscribe(vec!["news".to_owned()]).await;
    let mut states = service.watch();
    states.mark_unchanged();
    assert_eq!(server.ask(&["CLIENT KILL TYPE pubsub"]).await[0], ":1");
    within(LIMIT, "it is noticed", states.changed())
        .await
        .expect("within the limit")
        .expect("the service lives");
    wait_for(&service, "up", State::is_up).await;
    assert_flows(&service, "news", &mut receiver).await;
}
