//! What holds while an answer is made: who may ask, who follows, what stops it.

use serde_json::{Value, json};

use super::Tabs;
use crate::chat::client::{
    assert_gapless, begin_stream, chat_events, code, events_of, problem, stream_item, stream_items,
    text,
};
use crate::chat::upstream::request;
use crate::support::hub_client::{HubClient, Received};

/// Longer than any test waits.
const ENDLESS: &str = "say 100000 words of w every 5 ms";

pub async fn of_two_who_ask_at_once_one_is_answered(tabs: &mut Tabs) {
    let first = tabs
        .ask(json!({"content": "say 1 words of w every 1 ms"}))
        .await;
    for round in 0..5 {
        let (content, whole) = request(20, &format!("r{round}-"), 5);
        let asked = json!([{"content": content, "conversationId": first["conversationId"]}]);
        let (one, other) = tokio::join!(
            tabs.here.call("SendMessage", asked.clone()),
            tabs.there.call("SendMessage", asked),
        );
        let here_won = one.get("error").is_none();
        let (won, lost) = if here_won { (one, other) } else { (other, one) };
        let (started, refused) = (&won["result"], problem(&lost));
        assert_eq!(refused["code"], "run_active", "{won} {lost}");
        assert_eq!(refused["runId"], started["runId"]);
        let winner = if here_won {
            &mut tabs.here
        } else {
            &mut tabs.there
        };
        let events = events_of(winner, started).await;
        assert_gapless(&events, 1);
        assert_eq!(text(&events), whole);
    }
}

pub async fn nothing_changes_while_an_answer_is_made(tabs: &mut Tabs) {
    let before = tabs
        .ask(json!({"content": "say 1 words of w every 1 ms"}))
        .await;
    let id = &before["conversationId"];
    let asked = json!([{"content": ENDLESS, "conversationId": id}]);
    let started = tabs.here.invoke("SendMessage", asked).await;
    tabs.here.next_call("ChatEvent").await;
    for (target, mut argument) in [
        ("SendMessage", json!({"content": "?"})),
        ("Regenerate", json!({"messageId": before["messageId"]})),
        ("Regenerate", json!({"messageId": started["messageId"]})),
        (
            "EditMessage",
            json!({"messageId": before["userMessageId"], "content": "?"}),
        ),
        (
            "EditMessage",
            json!({"messageId": started["userMessageId"], "content": "?"}),
        ),
    ] {
        argument["conversationId"] = id.clone();
        let refused = problem(&tabs.there.call(target, json!([argument])).await);
        assert_eq!(refused["code"], "run_active", "{target} {argument}");
        assert_eq!(refused["runId"], started["runId"], "{target}");
    }
    let cancel = json!([{"runId": started["runId"]}]);
    let (one, other) = tokio::join!(
        tabs.here.invoke("CancelRun", cancel.clone()),
        tabs.there.invoke("CancelRun", cancel.clone()),
    );
    assert_eq!(
        (&one["state"], &other["state"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    let again = tabs.there.invoke("CancelRun", cancel).await;
    assert_eq!(again["state"], "cancelled");
    let ended = json!([{"runId": before["runId"]}]);
    let ended = tabs.there.invoke("CancelRun", ended).await;
    assert_eq!(ended["state"], "finished");

    // What was cancelled can be asked for anew, elsewhere.
    let again = json!([{"conversationId": id, "messageId": started["messageId"]}]);
    let again = tabs.there.invoke("Regenerate", again).await;
    assert_eq!(again["userMessageId"], started["userMessageId"]);
    tabs.there.next_call("ChatEvent").await;
    let cancel = json!([{"runId": again["runId"]}]);
    assert_eq!(
        tabs.here.invoke("CancelRun", cancel).await["state"],
        "cancelled"
    );
}

pub async fn a_stream_takes_the_place_of_events(tabs: &mut Tabs) {
    let first = tabs
        .ask(json!({"content": "say 1 words of w every 1 ms"}))
        .await;
    let open = json!([{"conversationId": first["conversationId"]}]);
    let mut second = tabs.connect("ada").await;
    let mut third = tabs.connect("ada").await;
    for tab in [&mut second, &mut third] {
        tab.invoke("OpenConversation", open.clone()).await;
    }
    let (content, whole) = request(60, "s", 10);
    let asked = json!({
        "content": content, "conversationId": first["conversationId"], "clientMessageId": "stream",
    });
    let mut streaming = tabs.connect("ada").await;
    begin_stream(&mut streaming, "a", "StreamMessage", asked.clone()).await;
    let started = second.next_call("ChatEvent").await[0].clone();
    assert_eq!(started["type"], "run.started");
    // The same request once more, from elsewhere, is the same answer.
    begin_stream(&mut tabs.here, "b", "StreamMessage", asked).await;
    // And whoever has the conversation open may follow by a stream instead, from here on.
    let resume = json!({"runId": started["runId"], "afterSeq": 0});
    begin_stream(&mut third, "c", "ResumeRun", resume).await;

    let mut events = vec![started];
    events.extend(chat_events(&mut second).await);
    let streamed = stream_items(&mut streaming, "a").await;
    let repeated = all_items(&mut tabs.here).await;
    let resumed = all_items(&mut third).await;
    for told in [events, streamed, repeated, resumed] {
        assert_gapless(&told, 1);
        assert_eq!(text(&told), whole);
    }
}

/// The items of a stream that was begun in mid-answer. Events that were on their way then may still
/// come, others not.
async fn all_items(client: &mut HubClient) -> Vec<Value> {
    let mut items = vec![stream_item(client).await];
    let mut besides = 0;
    while items
        .last()
        .is_none_or(|item| item["type"] != "run.finished")
    {
        match client.next().await {
            Received::Message(message) if message["type"] == 2 => {
                items.push(message["item"].clone());
            }
            Received::Message(message) if message["target"] == "ChatEvent" => besides += 1,
            Received::Message(_) => {}
            Received::Closed { code } => panic!("closed with {code}"),
        }
    }
    assert!(besides < 5, "{besides} events besides the stream");
    items
}

pub async fn a_lost_connection_stops_nothing(tabs: &mut Tabs) {
    let (content, whole) = request(60, "l", 10);
    let asked = json!({"content": content, "options": {"cancelRunWithStream": true}});
    let mut lost = tabs.connect("ada").await;
    begin_stream(&mut lost, "s", "StreamMessage", asked).await;
    let run = stream_item(&mut lost).await["runId"].clone();
    drop(lost);
    begin_stream(
        &mut tabs.here,
        "r",
        "ResumeRun",
        json!({"runId": run, "afterSeq": 1}),
    )
    .await;
    let items = stream_items(&mut tabs.here, "r").await;
    assert_gapless(&items, 2);
    let end = items.last().expect("an end");
    assert_eq!(end["finishReason"], "stop");
    assert_eq!(text(&items), whole);
}

pub async fn deleting_cancels_first(tabs: &mut Tabs) {
    let mut tab = tabs.connect("ada").await;
    let started = tabs
        .here
        .invoke("SendMessage", json!([{"content": ENDLESS}]))
        .await;
    tabs.here.next_call("ChatEvent").await;
    let this = json!([{"conversationId": started["conversationId"]}]);
    tab.invoke("OpenConversation", this.clone()).await;
    tabs.there.invoke("DeleteConversation", this.clone()).await;
    let events = chat_events(&mut tab).await;
    let end = events.last().expect("an end");
    assert_eq!(end["finishReason"], "cancelled");
    while tab.next_call("ConversationChanged").await[0]["change"] != "deleted" {}
    for tab in [&mut tabs.here, &mut tabs.there] {
        let gone = tab.call("OpenConversation", this.clone()).await;
        assert_eq!(code(&gone), "not_found");
        assert_eq!(tab.invoke("ActiveRuns", json!([{}])).await, json!([]));
    }
}

/// More than 200,000 characters, faster than anybody reads.
pub async fn a_long_answer_is_whole(tabs: &mut Tabs) {
    let (content, whole) = request(10_000, "ein-recht-langes-wört-🎉-", 0);
    assert!(whole.chars().count() > 200_000);
    let started = tabs
        .here
        .invoke("SendMessage", json!([{"content": content}]))
        .await;
    let open = json!([{"conversationId": started["conversationId"]}]);
    let mut tab = tabs.connect("ada").await;
    let opened = tab.invoke("OpenConversation", open.clone()).await;
    let shown = opened["activeRun"]["text"].as_str().unwrap_or_default();
    assert!(whole.starts_with(shown));
    let events = events_of(&mut tabs.here, &started).await;
    assert_eq!(text(&events), whole);
    let opened = tabs.there.invoke("OpenConversation", open).await;
    assert_eq!(opened["messages"][1]["content"], whole);
    begin_stream(
        &mut tab,
        "r",
        "ResumeRun",
        json!({"runId": started["runId"]}),
    )
    .await;
    let mut told = vec![stream_item(&mut tab).await];
    told.extend(stream_items(&mut tab, "r").await);
    assert_eq!(text(&told), whole);
}
