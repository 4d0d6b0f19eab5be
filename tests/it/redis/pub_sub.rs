//! Publish and subscribe while Redis is well.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use managing_api::redis::{Received, RedisError, RedisService, State, Subscribed};
use rand::RngExt as _;

use super::{LIMIT, assert_flows, connected, options, wait_for};
use crate::support::{Task, redis::RedisServer, scale, turn, within};

/// A confirmed subscription receives whatever is published from then on.
#[tokio::test]
async fn nothing_published_after_a_confirmed_subscription_is_lost() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let here = connected(&server).await;
    let there = connected(&server).await;
    let (subscriber, mut receiver) = here.pub_sub().subscriber();
    for round in 0..scale(300, 2_000) {
        let channel = format!("race:{round}");
        let subscribed = subscriber.subscribe(vec![channel.clone()]).await;
        assert_eq!(subscribed, Subscribed::Confirmed);
        let receivers = there
            .pub_sub()
            .publish(&channel, Bytes::from_static(b"now"));
        assert_eq!(receivers.await, Ok(1), "round {round}");
        let received = within(LIMIT, "a message", receiver.recv()).await;
        let expected = Received::Message {
            channel: channel.as_str().into(),
            payload: Bytes::from_static(b"now"),
        };
        assert_eq!(received, Ok(Some(expected)));
    }
}

/// Who serves clients from its first moment must not tell them that they listen before they do.
#[tokio::test]
async fn a_subscription_waits_for_the_first_connection() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = RedisService::start(options(&server));
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    let subscribed = subscriber.subscribe(vec!["news".to_owned()]).await;
    assert_eq!(subscribed, Subscribed::Confirmed);
    wait_for(&service, "up", State::is_up).await;
    assert_flows(&service, "news", &mut receiver).await;
}

/// Joins and leaves from several tasks, while connections are killed: in the end Redis has exactly
/// what is wanted.
#[tokio::test]
async fn after_any_joins_leaves_and_reconnects_redis_has_what_is_wanted() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = connected(&server).await;
    let (subscriber, _receiver) = service.pub_sub().subscriber();
    let subscriber = Arc::new(subscriber);
    let name = |task: usize, number: usize| format!("{task}:{number}");
    let tasks = (0..4).map(|task| {
        let subscriber = subscriber.clone();
        Task::spawn(async move {
            let mut wanted = HashSet::new();
            for _ in 0..scale(300, 3_000) {
                let channel = name(task, rand::rng().random_range(0..20));
                if wanted.remove(&channel) {
                    subscriber.unsubscribe(vec![channel]);
                } else {
                    wanted.insert(channel.clone());
                    subscriber.subscribe(vec![channel]).await;
                }
            }
            wanted
        })
    });
    let tasks: Vec<Task<HashSet<String>>> = tasks.collect();
    for _ in 0..scale(5, 50) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.ask(&["CLIENT KILL TYPE pubsub"]).await;
    }
    let mut wanted = HashSet::new();
    for task in tasks {
        wanted.extend(task.result().await);
    }
    // What was removed last is told before what is confirmed now. The last kill may be noticed only
    // by then.
    for number in 0.. {
        wait_for(&service, "up", State::is_up).await;
        let last = format!("last:{number}");
        wanted.insert(last.clone());
        if subscriber.subscribe(vec![last]).await == Subscribed::Confirmed {
            break;
        }
    }
    let lines = server.ask(&["PUBSUB CHANNELS"]).await;
    let has: HashSet<String> = lines.into_iter().skip(2).step_by(2).collect();
    assert_eq!(has, wanted);
}

#[tokio::test]
async fn a_shutdown_unsubscribes_and_ends_whatever_waits() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = connected(&server).await;
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    subscriber.subscribe(vec!["news".to_owned()]).await;
    within(LIMIT, "the shutdown", service.shutdown())
        .await
        .expect("within the limit");
    assert_eq!(within(LIMIT, "the end", receiver.recv()).await, Ok(None));
    let left = async {
        while server
            .ask(&["CLIENT LIST"])
            .await
            .iter()
            .any(|line| line.contains("resp=3"))
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(LIMIT, "the goodbye", left)
        .await
        .expect("within the limit");
    let refused = service.pub_sub().publish("news", Bytes::new()).await;
    assert_eq!(refused, Err(RedisError::Unavailable));
    let subscribed = subscriber.subscribe(vec!["more".to_owned()]);
    assert_eq!(
        within(LIMIT, "an answer", subscribed).await,
        Ok(Subscribed::Pending)
    );
}

#[tokio::test]
async fn a_frozen_redis_is_not_given_more_than_fits_and_every_publish_ends() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = connected(&server).await;
    server.freeze();
    let payload = Bytes::from(vec![0; 1 << 20]);
    let publishes: Vec<_> = (0..300)
        .map(|_| service.pub_sub().publish("big", payload.clone()))
        .collect();
    let answers = futures_util::future::join_all(publishes);
    let answers = within(LIMIT, "an answer to every publish", answers)
        .await
        .expect("within the limit");
    let count = |error: RedisError| {
        answers
            .iter()
            .filter(|answer| **answer == Err(error.clone()))
            .count()
    };
    assert!(count(RedisError::Overloaded) > 0, "{answers:?}");
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    server.thaw();
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    wait_for(&service, "down", |state| !state.is_up()).await;
    wait_for(&service, "up", State::is_up).await;
    subscriber.subscribe(vec!["news".to_owned()]).await;
    assert_flows(&service, "news", &mut receiver).await;
}
