//! One instance, with the built-in assistant.

use serde_json::{Value, json};

use super::client::{
    Instance, assert_gapless, begin_stream, chat_events, numbers, stream_item, stream_items, text,
};
use crate::support::hub_client::Received;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_to_the_caller_after_the_completion_and_to_who_follows_by_a_stream_once() {
    let server = Instance::start(&[]);
    let mut ada = server.connect("ada").await;
    let started = ada
        .invoke("SendMessage", json!([{"content": "count to 30"}]))
        .await;
    let events = chat_events(&mut ada).await;
    assert_gapless(&events, 1);
    assert_eq!(text(&events), numbers(30));
    assert_eq!(events[0]["conversationId"], started["conversationId"]);
    assert_eq!(events[0]["messageId"], started["messageId"]);

    let again = json!({"content": "count to 20", "conversationId": started["conversationId"]});
    begin_stream(&mut ada, "s", "StreamMessage", again).await;
    let items = stream_items(&mut ada, "s").await;
    assert_gapless(&items, 1);
    assert_eq!(text(&items), numbers(20));

    // Nothing of that run came besides: the next event is the next run's.
    let third = json!([{"content": "hello", "conversationId": started["conversationId"]}]);
    let third = ada.invoke("SendMessage", third).await;
    let events = chat_events(&mut ada).await;
    assert_eq!(events[0]["runId"], third["runId"]);
    assert_gapless(&events, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_tab_joins_in_mid_answer_without_a_hole_and_cancels() {
    let server = Instance::start(&[]);
    let (mut first, mut second) = (server.connect("ada").await, server.connect("ada").await);
    let started = first
        .invoke("SendMessage", json!([{"content": "count to 2000"}]))
        .await;
    let change = second.next_call("ConversationChanged").await;
    assert_eq!(change[0]["change"], "created");
    let running = second.invoke("ActiveRuns", json!([{}])).await;
    assert_eq!(running[0]["runId"], started["runId"]);

    let open = json!([{"conversationId": started["conversationId"]}]);
    for _ in 0..5 {
        // Opening once more starts anew from what it answers.
        let opened = second.invoke("OpenConversation", open.clone()).await;
        assert_eq!(opened["messages"].as_array().map(Vec::len), Some(1));
        let run = &opened["activeRun"];
        let mut shown = run["text"].as_str().expect("a text").to_owned();
        let mut seq = run["lastSeq"].as_u64().expect("a number");
        for _ in 0..4 {
            let event = second.next_call("ChatEvent").await[0].clone();
            if event["seq"].as_u64() <= Some(seq) {
                // Sent before the answer, for the opening before this one.
                continue;
            }
            seq += 1;
            assert_eq!(event["seq"], seq);
            shown += event["text"].as_str().unwrap_or_default();
        }
        assert!(numbers(2000).starts_with(&shown), "{shown}");
    }
    let cancelled = second
        .invoke("CancelRun", json!([{"runId": started["runId"]}]))
        .await;
    assert_eq!(cancelled["state"], "cancelled");
    let events = chat_events(&mut first).await;
    assert_gapless(&events, 1);
    let end = events.last().expect("an end");
    assert_eq!(end["finishReason"], "cancelled");
    let opened = second.invoke("OpenConversation", open).await;
    assert_eq!(opened["activeRun"], Value::Null);
    assert_eq!(opened["messages"][1]["content"], text(&events));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_survives_its_socket_and_is_resumed() {
    let server = Instance::start(&[]);
    let mut tab = server.connect("ada").await;
    begin_stream(
        &mut tab,
        "s",
        "StreamMessage",
        json!({"content": "count to 100"}),
    )
    .await;
    let run = stream_item(&mut tab).await["runId"].clone();
    drop(tab);
    let mut tab = server.connect("ada").await;
    begin_stream(
        &mut tab,
        "r",
        "ResumeRun",
        json!({"runId": run, "afterSeq": 1}),
    )
    .await;
    let items = stream_items(&mut tab, "r").await;
    assert_gapless(&items, 2);
    assert_eq!(text(&items), numbers(100));
    assert_eq!(
        items.last().map(|item| &item["finishReason"]),
        Some(&json!("stop"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_stream_detaches_and_the_rest_comes_as_chat_events() {
    let server = Instance::start(&[]);
    let mut tab = server.connect("ada").await;
    begin_stream(
        &mut tab,
        "s",
        "StreamMessage",
        json!({"content": "count to 150"}),
    )
    .await;
    let mut seen = String::new();
    let mut seq = 0;
    while seq < 5 {
        let item = stream_item(&mut tab).await;
        seq = item["seq"].as_u64().expect("a number");
        seen += item["text"].as_str().unwrap_or_default();
    }
    tab.send_message(&json!({"type": 5, "invocationId": "s"}))
        .await;
    loop {
        let Received::Message(value) = tab.next().await else {
            panic!("closed")
        };
        let event = match (&value["type"], &value["target"]) {
            (kind, _) if *kind == 2 => &value["item"],
            (_, target) if *target == "ChatEvent" => &value["arguments"][0],
            _ => continue,
        };
        let number = event["seq"].as_u64().expect("a number");
        assert!(number <= seq + 1, "a hole before {event}");
        if number == seq + 1 {
            seq = number;
            if event["type"] == "text.delta" {
                seen += event["text"].as_str().unwrap_or_default();
            }
        }
        if event["type"] == "run.finished" {
            break;
        }
    }
    assert_eq!(seen, numbers(150));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_asks_for_it_cancels_its_run_however_early() {
    let server = Instance::start(&[]);
    let mut tab = server.connect("ada").await;
    for wait in [true, false] {
        let request = json!({"content": "count to 2000", "options": {"cancelRunWithStream": true}});
        begin_stream(&mut tab, "c", "StreamMessage", request).await;
        if wait {
            while tab.next_call("ConversationChanged").await[0]["change"] != "run_started" {}
        }
        tab.send_message(&json!({"type": 5, "invocationId": "c"}))
            .await;
        let mut running = Value::Null;
        for _ in 0..250 {
            running = tab.invoke("ActiveRuns", json!([{}])).await;
            if running == json!([]) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(
            running,
            json!([]),
            "the run was not cancelled with its stream"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_one_object_and_others_see_nothing() {
    let server = Instance::start(&[]);
    let (mut ada, mut eve) = (server.connect("ada").await, server.connect("eve").await);
    let started = ada
        .invoke("SendMessage", json!([{"content": "count to 2000"}]))
        .await;
    let id = &started["conversationId"];
    let busy = json!({"conversationId": id, "content": "and?"});
    for (user, target, argument, code) in [
        ("ada", "SendMessage", busy, "run_active"),
        (
            "eve",
            "OpenConversation",
            json!({"conversationId": id}),
            "not_found",
        ),
        (
            "eve",
            "CancelRun",
            json!({"runId": started["runId"]}),
            "not_found",
        ),
        (
            "eve",
            "SendMessage",
            json!({"contents": "?"}),
            "invalid_request",
        ),
        ("eve", "SendMessage", json!("?"), "invalid_request"),
    ] {
        let client = if user == "ada" { &mut ada } else { &mut eve };
        let completion = client.call(target, json!([argument])).await;
        assert_eq!(super::client::code(&completion), code, "{completion}");
        if code == "run_active" {
            let run = started["runId"].as_str().expect("an id");
            assert!(completion["error"].to_string().contains(run));
        }
    }
    let list = eve.invoke("ListConversations", json!([{}])).await;
    assert_eq!(list, json!({"items": [], "nextCursor": null}));

    ada.invoke(
        "RenameConversation",
        json!([{"conversationId": id, "title": "Numbers"}]),
    )
    .await;
    let list = ada.invoke("ListConversations", json!([{}])).await;
    assert_eq!(list["items"][0]["title"], "Numbers");
    ada.invoke("DeleteConversation", json!([{"conversationId": id}]))
        .await;
    let list = ada.invoke("ListConversations", json!([{}])).await;
    assert_eq!(list["items"], json!([]));
    let models = ada.invoke("ListModels", json!([])).await;
    assert_eq!(models[0]["id"], "builtin");
    assert_eq!(models[0]["default"], true);
}
