//! Lists, pages, titles, editing, closing, and what other tabs hear.

use serde_json::{Value, json};

use super::Tabs;
use crate::chat::client::{begin_stream, code, events_of, numbers, stream_items, text};

pub async fn other_tabs_hear_of_changes(tabs: &mut Tabs) {
    let started = tabs.ask(json!({"content": "Count to 3\nplease"})).await;
    let id = &started["conversationId"];
    for (target, argument) in [
        (
            "RenameConversation",
            json!({"conversationId": id, "title": "Three 🎉"}),
        ),
        ("DeleteConversation", json!({"conversationId": id})),
    ] {
        tabs.here.invoke(target, json!([argument])).await;
    }
    let mut heard = Vec::new();
    while heard.last().is_none_or(|change| change != "deleted") {
        let change = tabs.there.next_call("ConversationChanged").await[0].clone();
        assert_eq!(change["conversationId"], *id);
        heard.push(change["change"].as_str().expect("a text").to_owned());
    }
    assert_eq!(
        heard,
        [
            "created",
            "run_started",
            "run_finished",
            "renamed",
            "deleted"
        ]
    );
    let open = json!([{"conversationId": id}]);
    let gone = tabs.there.call("OpenConversation", open).await;
    assert_eq!(code(&gone), "not_found");
}

pub async fn lists_have_pages_newest_first(tabs: &mut Tabs) {
    let mut ids = Vec::new();
    for number in 1..=5 {
        let started = tabs
            .ask(json!({"content": format!("count to {number}")}))
            .await;
        ids.insert(0, started["conversationId"].clone());
    }
    let (mut listed, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = json!([{"cursor": cursor, "limit": 2}]);
        let page = tabs.there.invoke("ListConversations", page).await;
        for item in page["items"].as_array().expect("a list") {
            listed.push(item["conversationId"].clone());
        }
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(listed, ids);
    let list = tabs.there.invoke("ListConversations", json!([{}])).await;
    assert_eq!(list["items"][0]["title"], "count to 5");
    for page in [json!({"cursor": "?"}), json!({"limit": 0})] {
        let refused = tabs.there.call("ListConversations", json!([page])).await;
        assert_eq!(code(&refused), "invalid_request");
    }

    // A second message moves its conversation to the front, and older messages come by `before`.
    let oldest = &ids[4];
    tabs.ask(json!({"content": "count to 9", "conversationId": oldest}))
        .await;
    let list = tabs
        .there
        .invoke("ListConversations", json!([{"limit": 1}]))
        .await;
    assert_eq!(list["items"][0]["conversationId"], *oldest);
    let open = json!([{"conversationId": oldest, "limit": 1}]);
    let last = tabs.there.invoke("OpenConversation", open).await["messages"][0].clone();
    assert_eq!(
        (&last["role"], &last["content"]),
        (&json!("assistant"), &json!(numbers(9)))
    );
    let before = json!([{"conversationId": oldest, "before": last["messageId"], "limit": 2}]);
    let page = tabs.there.invoke("OpenConversation", before).await["messages"].clone();
    assert_eq!(page[0]["content"], numbers(1));
    assert_eq!(page[1]["content"], "count to 9");
}

pub async fn editing_removes_what_came_after(tabs: &mut Tabs) {
    let first = tabs.ask(json!({"content": "count to 2"})).await;
    let id = &first["conversationId"];
    tabs.ask(json!({"content": "count to 4", "conversationId": id}))
        .await;
    let again = json!([{"conversationId": id, "messageId": first["messageId"]}]);
    let again = tabs.there.invoke("Regenerate", again).await;
    assert_eq!(again["userMessageId"], first["userMessageId"]);
    assert_ne!(again["messageId"], first["messageId"]);
    events_of(&mut tabs.there, &again).await;
    let edit = json!({
        "conversationId": id,
        "messageId": first["userMessageId"],
        "content": "count to 6",
        "clientMessageId": "edit",
    });
    let edited = tabs.there.invoke("EditMessage", json!([edit])).await;
    assert_eq!(tabs.here.invoke("EditMessage", json!([edit])).await, edited);
    let events = events_of(&mut tabs.there, &edited).await;
    assert_eq!(text(&events), numbers(6));
    let opened = tabs
        .here
        .invoke("OpenConversation", json!([{"conversationId": id}]))
        .await;
    let messages = opened["messages"].as_array().expect("a list");
    let contents: Vec<_> = messages.iter().map(|it| it["content"].clone()).collect();
    assert_eq!(contents, [json!("count to 6"), json!(numbers(6))]);
    let wrong = json!([{"conversationId": id, "messageId": edited["userMessageId"]}]);
    assert_eq!(
        code(&tabs.here.call("Regenerate", wrong).await),
        "invalid_request"
    );
    let unknown = json!([{"conversationId": id, "messageId": "unknown", "content": "x"}]);
    assert_eq!(
        code(&tabs.here.call("EditMessage", unknown).await),
        "not_found"
    );
}

pub async fn a_closed_conversation_is_silent(tabs: &mut Tabs) {
    let started = tabs.ask(json!({"content": "count to 3"})).await;
    let id = &started["conversationId"];
    let this = json!([{"conversationId": id}]);
    tabs.there.invoke("OpenConversation", this.clone()).await;
    let next = json!({"content": "count to 5", "conversationId": id});
    let next = tabs.ask(next).await;
    let events = events_of(&mut tabs.there, &next).await;
    assert_eq!((text(&events), &events[0]["seq"]), (numbers(5), &json!(1)));
    tabs.there.invoke("CloseConversation", this).await;
    let silent = json!({"content": "count to 7", "conversationId": id});
    let silent = tabs.ask(silent).await;
    // What it is shown next is of a conversation of its own.
    let own = json!([{"content": "count to 2"}]);
    let own = tabs.there.invoke("SendMessage", own).await;
    loop {
        let event = tabs.there.next_call("ChatEvent").await[0].clone();
        assert_ne!(event["runId"], silent["runId"]);
        if event["runId"] == own["runId"] && event["type"] == "run.finished" {
            break;
        }
    }
    // Looking again at a run that is over gives its end, and a place ahead of it a snapshot.
    let ahead = json!({"runId": started["runId"], "afterSeq": 10_000});
    begin_stream(&mut tabs.there, "a", "ResumeRun", ahead).await;
    let items = stream_items(&mut tabs.there, "a").await;
    assert_eq!(items[0]["type"], "snapshot");
    assert_eq!(items[0]["seq"], items[0]["lastSeq"]);
    assert_eq!(text(&items), numbers(3));
    assert_eq!(
        items.last().map(|it| &it["type"]),
        Some(&json!("run.finished"))
    );
}
