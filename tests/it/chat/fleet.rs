//! Several instances over one Redis: a tab need not know where its answer is made.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{
    Instance, assert_gapless, begin_stream, chat_events, code, numbers, stream_item, stream_items,
    text,
};
use crate::support::hub_client::HubClient;
use crate::support::redis::RedisServer;

/// Instances that share a Redis. `None`, said aloud, where there is no Redis.
pub struct Fleet {
    pub redis: RedisServer,
    pub instances: Vec<Instance>,
}

impl Fleet {
    pub async fn start(count: usize) -> Option<Self> {
        Self::start_with(count, &[]).await
    }

    pub async fn start_with(count: usize, settings: &[(&str, &str)]) -> Option<Self> {
        let redis = RedisServer::start(&[]).await?;
        let instances = (0..count).map(|_| start(&redis, settings)).collect();
        let fleet = Self { redis, instances };
        for instance in &fleet.instances {
            joined(instance).await;
        }
        Some(fleet)
    }

    pub async fn connect(&self, instance: usize, user: &str) -> HubClient {
        self.instances[instance].connect(user).await
    }
}

pub fn start(redis: &RedisServer, variables: &[(&str, &str)]) -> Instance {
    let address = redis.address();
    let mut all = vec![("ConnectionStrings__Redis", address.as_str())];
    all.extend_from_slice(variables);
    Instance::start(&all)
}

/// Waits until an instance says that it is connected.
pub async fn joined(instance: &Instance) {
    let begin = Instant::now();
    while !instance.get("/health/ready").1.contains("\"connected\"") {
        assert!(begin.elapsed() < Duration::from_secs(30), "no Redis");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks until the store answers.
async fn invoke_when_up(tab: &mut HubClient, target: &str, argument: Value) -> Value {
    let begin = Instant::now();
    loop {
        let completion = tab.call(target, json!([argument])).await;
        if completion.get("error").is_none() {
            return completion["result"].clone();
        }
        assert_eq!(code(&completion), "store_unavailable");
        assert!(begin.elapsed() < Duration::from_secs(30), "{completion}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_on_another_instance_opens_resumes_and_is_sent_what_comes() {
    let Some(fleet) = Fleet::start(2).await else {
        return;
    };
    let (mut here, mut there) = (fleet.connect(0, "ada").await, fleet.connect(1, "ada").await);
    let started = here
        .invoke("SendMessage", json!([{"content": "count to 150"}]))
        .await;
    let running = there.invoke("ActiveRuns", json!([{}])).await;
    assert_eq!(running[0]["runId"], started["runId"]);
    let id = &started["conversationId"];
    let opened = there
        .invoke("OpenConversation", json!([{"conversationId": id}]))
        .await;
    let run = &opened["activeRun"];
    let last_seq = run["lastSeq"].as_u64().expect("a number");
    let events = chat_events(&mut there).await;
    assert_gapless(&events, last_seq + 1);
    let shown = run["text"].as_str().expect("a text").to_owned() + &text(&events);
    assert_eq!(shown, numbers(150));
    let events = chat_events(&mut here).await;
    assert_gapless(&events, 1);
    assert_eq!(text(&events), numbers(150));

    // The other instance has the conversation open: the next run shows there from its first event.
    let next = json!([{"content": "count to 40", "conversationId": id}]);
    let next = here.invoke("SendMessage", next).await;
    let events = chat_events(&mut there).await;
    assert_eq!(events[0]["runId"], next["runId"]);
    assert_gapless(&events, 1);
    assert_eq!(text(&events), numbers(40));

    let resume = json!({"runId": started["runId"], "afterSeq": 3});
    let mut third = fleet.connect(1, "ada").await;
    begin_stream(&mut third, "r", "ResumeRun", resume).await;
    assert_gapless(&stream_items(&mut third, "r").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_hold_across_instances() {
    let Some(fleet) = Fleet::start(2).await else {
        return;
    };
    let (mut here, mut there) = (fleet.connect(0, "ada").await, fleet.connect(1, "ada").await);
    let request = json!([{"content": "count to 2000", "clientMessageId": "k"}]);
    let started = here.invoke("SendMessage", request.clone()).await;
    assert_eq!(there.invoke("SendMessage", request).await, started);
    let other = json!([{"content": "hello", "clientMessageId": "k"}]);
    let conflict = there.call("SendMessage", other).await;
    assert_eq!(code(&conflict), "idempotency_conflict");
    let id = &started["conversationId"];
    let busy = json!([{"content": "and?", "conversationId": id}]);
    assert_eq!(code(&there.call("SendMessage", busy).await), "run_active");

    let mut eve = fleet.connect(1, "eve").await;
    for (target, argument) in [
        ("OpenConversation", json!({"conversationId": id})),
        ("CancelRun", json!({"runId": started["runId"]})),
        ("DeleteConversation", json!({"conversationId": id})),
    ] {
        let completion = eve.call(target, json!([argument])).await;
        assert_eq!(code(&completion), "not_found", "{target}");
    }
    let cancelled = there
        .invoke("CancelRun", json!([{"runId": started["runId"]}]))
        .await;
    assert_eq!(cancelled["state"], "cancelled");
    let events = chat_events(&mut here).await;
    assert_gapless(&events, 1);
    let end = events.last().expect("an end");
    assert_eq!(end["finishReason"], "cancelled");
    let opened = there
        .invoke("OpenConversation", json!([{"conversationId": id}]))
        .await;
    assert_eq!(opened["messages"][1]["content"], text(&events));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_instance_is_killed_is_interrupted_within_ten_seconds_with_its_text() {
    let Some(mut fleet) = Fleet::start(2).await else {
        return;
    };
    let (mut here, mut there) = (fleet.connect(0, "ada").await, fleet.connect(1, "ada").await);
    let started = here
        .invoke("SendMessage", json!([{"content": "count to 2000"}]))
        .await;
    let open = json!([{"conversationId": started["conversationId"]}]);
    let opened = there.invoke("OpenConversation", open.clone()).await;
    let mut shown = opened["activeRun"]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for _ in 0..5 {
        shown += there.next_call("ChatEvent").await[0]["text"]
            .as_str()
            .unwrap_or_default();
    }
    drop(fleet.instances.remove(0));
    let killed = Instant::now();
    let events = chat_events(&mut there).await;
    assert!(
        killed.elapsed() < Duration::from_secs(10),
        "{:?}",
        killed.elapsed()
    );
    shown += &text(&events);
    assert!(numbers(2000).starts_with(&shown) && !shown.is_empty());
    let [.., error, end] = &events[..] else {
        panic!("{events:#?}")
    };
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&json!("interrupted"), &json!(true))
    );
    assert_eq!(end["finishReason"], "interrupted");
    let opened = there.invoke("OpenConversation", open).await;
    assert_eq!(opened["messages"][1]["content"], shown);
    assert_eq!(there.invoke("ActiveRuns", json!([{}])).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_an_answer_goes_on_and_is_there_when_redis_is_back_empty() {
    let Some(mut fleet) = Fleet::start(2).await else {
        return;
    };
    let mut here = fleet.connect(0, "ada").await;
    let request = json!({"content": "count to 150"});
    begin_stream(&mut here, "s", "StreamMessage", request).await;
    let first = stream_item(&mut here).await;
    fleet.redis.kill();
    let mut other = fleet.connect(0, "ada").await;
    let begin = Instant::now();
    while code(&other.call("ListConversations", json!([{}])).await) != "store_unavailable" {
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
    let mut items = vec![first];
    items.extend(stream_items(&mut here, "s").await);
    assert_gapless(&items, 1);
    assert_eq!(text(&items), numbers(150));

    fleet.redis.restart().await;
    let mut there = fleet.connect(1, "ada").await;
    let open = json!({"conversationId": items[0]["conversationId"]});
    let begin = Instant::now();
    let opened = loop {
        let completion = there.call("OpenConversation", json!([open])).await;
        if completion.get("error").is_none() {
            break completion["result"].clone();
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{completion}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(opened["messages"][0]["content"], "count to 150");
    assert_eq!(opened["messages"][1]["content"], numbers(150));
    let list = invoke_when_up(&mut there, "ListConversations", json!({})).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
}
