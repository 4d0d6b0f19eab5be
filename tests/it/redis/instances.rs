//! Instances of one fleet: who lives, and questions between them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use managing_api::redis::{CallError, InstanceId, Instances, RedisService, State};
use serde_json::json;
use tokio::sync::mpsc;

use super::{LIMIT, connected, wait_for};
use crate::support::{redis::RedisServer, turn, within};

/// An instance that answers `echo` and can describe itself, when the others can see it.
async fn instance(service: &RedisService, name: &str) -> Arc<Instances> {
    let described = name.to_owned();
    let instance = Instances::start(
        service,
        InstanceId::new(name),
        move || json!({"version": described}),
    );
    instance.serve("echo", |from, body| {
        let answer = [from.as_str().as_bytes(), b": ", &body].concat();
        async move { Bytes::from(answer) }.boxed()
    });
    within(LIMIT, "an instance in the list", async {
        while instance.is_alive(instance.id()).await != Ok(true) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("within the limit");
    instance
}

fn deaths(instances: &Instances) -> mpsc::UnboundedReceiver<InstanceId> {
    let (died, deaths) = mpsc::unbounded_channel();
    instances.on_death(move |id| {
        let _ = died.send(id);
    });
    deaths
}

async fn death(deaths: &mut mpsc::UnboundedReceiver<InstanceId>, limit: Duration) -> InstanceId {
    let died = within(limit, "a death is told", deaths.recv()).await;
    died.expect("within the limit").expect("the instance lives")
}

#[tokio::test]
async fn instances_see_each_other_ask_each_other_and_say_goodbye() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let (redis_a, redis_b) = (connected(&server).await, connected(&server).await);
    let a = instance(&redis_a, "a").await;
    let b = instance(&redis_b, "b").await;
    let mut deaths = deaths(&a);

    let list = a.list().await.expect("Redis answers");
    let seen: Vec<(&str, &str)> = list
        .iter()
        .map(|one| {
            (
                one.id.as_str(),
                one.description["version"].as_str().expect("a text"),
            )
        })
        .collect();
    assert_eq!(seen, [("a", "a"), ("b", "b")]);

    let call = |to: &InstanceId, service| {
        let (a, to) = (a.clone(), to.clone());
        async move {
            a.call(&to, service, Bytes::from_static(b"hello"), LIMIT)
                .await
        }
    };
    assert_eq!(
        call(b.id(), "echo").await,
        Ok(Bytes::from_static(b"a: hello"))
    );
    assert_eq!(
        call(b.id(), "nobody serves this").await,
        Err(CallError::Refused)
    );
    assert_eq!(
        call(&InstanceId::new("nobody"), "echo").await,
        Err(CallError::Gone)
    );

    let (noticed, mut notices) = mpsc::unbounded_channel();
    b.serve("notice", move |_, body| {
        let _ = noticed.send(body);
        async { Bytes::new() }.boxed()
    });
    for number in 0..100u8 {
        a.notify(b.id(), "notice", Bytes::from(vec![number]));
    }
    for number in 0..100u8 {
        let body = within(LIMIT, "a notice", notices.recv()).await;
        assert_eq!(body, Ok(Some(Bytes::from(vec![number]))));
    }

    b.leave().await;
    assert_eq!(death(&mut deaths, Duration::from_secs(4)).await, *b.id());
    assert_eq!(a.is_alive(b.id()).await, Ok(false));
}

#[tokio::test]
async fn a_dead_instance_fails_the_calls_that_wait_for_it_and_is_told_once() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let (redis_a, redis_b) = (connected(&server).await, connected(&server).await);
    let a = instance(&redis_a, "a").await;
    let b = instance(&redis_b, "b").await;
    let (asked, mut questions) = mpsc::unbounded_channel();
    b.serve("silence", move |_, _| {
        let _ = asked.send(());
        std::future::pending().boxed()
    });
    let mut deaths = deaths(&a);
    let id = b.id().clone();
    let waiting = a.call(&id, "silence", Bytes::new(), Duration::from_secs(60));
    let dying = async {
        questions.recv().await;
        // As a killed process: no goodbye.
        drop(b);
        drop(redis_b);
    };
    let (answer, ()) = tokio::join!(within(LIMIT, "an answer", waiting), dying);
    assert_eq!(answer, Ok(Err(CallError::Gone)));
    assert_eq!(death(&mut deaths, LIMIT).await, InstanceId::new("b"));
    // Silence has no other mark than time: two more heartbeats.
    let none = tokio::time::timeout(Duration::from_millis(1_500), deaths.recv()).await;
    assert!(none.is_err(), "told twice: {none:?}");
}

#[tokio::test]
async fn a_redis_that_was_away_or_came_back_empty_kills_nobody() {
    let _turn = turn::beside_others();
    let Some(mut server) = RedisServer::start(&[]).await else {
        return;
    };
    let (redis_a, redis_b) = (connected(&server).await, connected(&server).await);
    let a = instance(&redis_a, "a").await;
    let b = instance(&redis_b, "b").await;
    let mut deaths = deaths(&a);
    let (forgotten, mut forgettings) = mpsc::unbounded_channel();
    a.on_forgotten(move || {
        let _ = forgotten.send(());
    });
    let waiting = a.call(b.id(), "echo", Bytes::new(), LIMIT);
    assert!(waiting.await.is_ok());

    // Longer than an instance may be silent, by Redis's own clock: it cannot be moved.
    server.freeze();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let unavailable = a.call(b.id(), "echo", Bytes::new(), LIMIT).await;
    assert_eq!(unavailable, Err(CallError::Unavailable));
    server.thaw();
    wait_for(&redis_a, "up", State::is_up).await;
    server.kill();
    wait_for(&redis_a, "down", |state| !state.is_up()).await;
    server.restart().await;
    within(LIMIT, "it is told", forgettings.recv())
        .await
        .expect("within the limit");
    within(LIMIT, "both are back", async {
        while a.list().await.unwrap_or_default().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("within the limit");
    // They tell that they live before they hear again.
    wait_for(&redis_a, "up", State::is_up).await;
    wait_for(&redis_b, "up", State::is_up).await;
    let answer = a.call(b.id(), "echo", Bytes::new(), LIMIT).await;
    assert_eq!(answer, Ok(Bytes::from_static(b"a: ")));
    assert!(deaths.try_recv().is_err(), "nobody died");
}

/// Idle costs do not grow with what an instance holds.
#[tokio::test]
async fn an_idle_instance_sends_a_handful_of_commands_a_second() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let redis = connected(&server).await;
    let (subscriber, _receiver) = redis.pub_sub().subscriber();
    let channels = (0..5_000).map(|number| format!("connection:{number}"));
    subscriber.subscribe(channels.collect()).await;
    let _instance = instance(&redis, "a").await;
    let calls = async || {
        let stats = server.ask(&["INFO commandstats"]).await;
        let calls = stats.iter().filter_map(|line| {
            let (_, rest) = line.split_once(":calls=")?;
            rest.split(',').next()?.parse::<u64>().ok()
        });
        calls.sum::<u64>()
    };
    let before = calls().await;
    // What is counted is what happens in this time.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sent = calls().await - before;
    // Two pings and two heartbeats, of which Redis counts the commands inside as well.
    assert!(sent <= 3 * 25, "{sent} commands in three seconds");
}
