//! A Redis that comes back with what it knew some time ago: runs that ended since are no longer
//! known to have ended.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Instance, chat_events, events_of, numbers, text};
use super::fleet::{joined, start};
use crate::support::hub_client::HubClient;
use crate::support::redis::RedisServer;

/// Opens until the store answers and nothing is being answered any more.
async fn opened(tab: &mut HubClient, conversation: &Value) -> Value {
    let open = json!([{"conversationId": conversation}]);
    let begin = Instant::now();
    loop {
        let completion = tab.call("OpenConversation", open.clone()).await;
        let opened = &completion["result"];
        if completion.get("error").is_none() && opened["activeRun"].is_null() {
            return opened.clone();
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{completion}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn is_over_again(kill: bool) {
    let Some(mut redis) = RedisServer::start(&[]).await else {
        return;
    };
    let (first, second) = (start(&redis, &[]), start(&redis, &[]));
    for instance in [&first, &second] {
        joined(instance).await;
    }
    let mut tab = first.connect("ada").await;
    let asked = json!([{"content": "count to 60"}]);
    let started = tab.invoke("SendMessage", asked).await;
    let mut events = vec![tab.next_call("ChatEvent").await[0].clone()];
    redis.ask(&["SAVE"]).await;
    events.extend(chat_events(&mut tab).await);
    assert_eq!(text(&events), numbers(60));

    let producer = if kill {
        drop(first);
        None
    } else {
        Some(first)
    };
    redis.kill();
    redis.restart().await;
    joined(&second).await;
    let mut there = second.connect("ada").await;
    let opened = opened(&mut there, &started["conversationId"]).await;
    let answer = &opened["messages"][1];
    let content = answer["content"].as_str().expect("a text");
    if producer.is_some() {
        assert_eq!(
            (content, &answer["finishReason"]),
            (&*numbers(60), &json!("stop"))
        );
    } else {
        // Nobody knows the rest any more.
        assert!(numbers(60).starts_with(content));
        assert_eq!(answer["finishReason"], "interrupted");
    }
    let again = json!([{
        "content": "count to 3", "conversationId": started["conversationId"],
    }]);
    let again = there.invoke("SendMessage", again).await;
    assert_eq!(text(&events_of(&mut there, &again).await), numbers(3));
    drop::<Option<Instance>>(producer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_tells_a_redis_again_how_its_run_ended() {
    is_over_again(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_an_old_redis_takes_for_a_dead_instances_is_interrupted() {
    is_over_again(true).await;
}
