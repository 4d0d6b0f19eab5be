//! What is counted, and what is refused.

use serde_json::json;

use super::Tabs;
use crate::chat::client::code;

pub async fn usage_is_summed_up(tabs: &mut Tabs) {
    let usage = tabs.there.invoke("GetUsage", json!([{}])).await;
    let runs = usage["totals"]["runs"].as_u64().expect("a number");
    assert!(runs >= 10, "{usage}");
    assert_eq!(usage["byModel"][0]["model"], "builtin");
    assert_eq!(usage["byModel"][0]["runs"], usage["totals"]["runs"]);
    assert_eq!(usage["byDay"][0]["runs"], usage["totals"]["runs"]);
    let past = json!([{"from": "2020-01-01", "to": "2020-12-31"}]);
    let past = tabs.there.invoke("GetUsage", past).await;
    assert_eq!(past["totals"]["runs"], 0);
    let models = tabs.there.invoke("ListModels", json!([])).await;
    assert_eq!(
        (&models[0]["id"], &models[0]["default"]),
        (&json!("builtin"), &json!(true))
    );
}

pub async fn limits_are_kept(tabs: &mut Tabs) {
    let longest = "ä".repeat(200_000);
    let started = tabs.ask(json!({"content": longest})).await;
    let id = &started["conversationId"];
    let opened = tabs
        .there
        .invoke("OpenConversation", json!([{"conversationId": id}]))
        .await;
    assert_eq!(opened["messages"][0]["content"], longest);
    for (target, argument, expected) in [
        (
            "SendMessage",
            json!({"content": "x".repeat(200_001)}),
            "invalid_request",
        ),
        ("SendMessage", json!({"content": " "}), "invalid_request"),
        (
            "SendMessage",
            json!({"content": "x", "model": "unknown"}),
            "invalid_request",
        ),
        (
            "SendMessage",
            json!({"content": "x", "conversationId": "unknown"}),
            "not_found",
        ),
        (
            "SendMessage",
            json!({"content": "x", "conversationId": "\u{7}"}),
            "invalid_request",
        ),
        (
            "RenameConversation",
            json!({"conversationId": id, "title": ""}),
            "invalid_request",
        ),
        (
            "RenameConversation",
            json!({"conversationId": id, "title": "x".repeat(201)}),
            "invalid_request",
        ),
        ("CancelRun", json!({"runId": "unknown"}), "not_found"),
        (
            "OpenConversation",
            json!({"conversationId": "unknown"}),
            "not_found",
        ),
        (
            "DeleteConversation",
            json!({"conversationId": "unknown"}),
            "not_found",
        ),
    ] {
        let refused = tabs.here.call(target, json!([argument])).await;
        assert_eq!(code(&refused), expected, "{target}");
    }
}
