//! What another user finds of one's conversations: nothing, by whatever method.

use serde_json::{Value, json};

use super::Tabs;
use crate::chat::client::{begin_stream, code};
use crate::support::hub_client::{HubClient, Received};

/// Without an authentication everybody has all roles: the other user here is an admin, too.
pub async fn another_users_is_not_found(tabs: &mut Tabs) {
    let started = tabs
        .ask(json!({"content": "say 1 words of w every 1 ms"}))
        .await;
    let (id, run) = (&started["conversationId"], &started["runId"]);
    let mut eve = tabs.connect("eve").await;
    let own = eve
        .invoke(
            "SendMessage",
            json!([{"content": "say 1 words of w every 1 ms"}]),
        )
        .await;
    for (target, argument) in [
        ("SendMessage", json!({"conversationId": id, "content": "?"})),
        (
            "Regenerate",
            json!({"conversationId": id, "messageId": started["messageId"]}),
        ),
        (
            "EditMessage",
            json!({"conversationId": id, "messageId": started["userMessageId"], "content": "?"}),
        ),
        // A message of another conversation is none of this one.
        (
            "EditMessage",
            json!({
                "conversationId": own["conversationId"],
                "messageId": started["userMessageId"],
                "content": "?",
            }),
        ),
        ("OpenConversation", json!({"conversationId": id})),
        (
            "OpenConversation",
            json!({"conversationId": own["conversationId"], "before": started["messageId"]}),
        ),
        ("CloseConversation", json!({"conversationId": id})),
        (
            "RenameConversation",
            json!({"conversationId": id, "title": "Mine"}),
        ),
        ("DeleteConversation", json!({"conversationId": id})),
        ("ActiveRuns", json!({"conversationId": id})),
        ("CancelRun", json!({"runId": run})),
    ] {
        let refused = eve.call(target, json!([argument])).await;
        assert_eq!(code(&refused), "not_found", "{target} {argument}");
    }
    let asked = json!({"conversationId": id, "content": "?"});
    assert_eq!(refused(&mut eve, "StreamMessage", asked).await, "not_found");
    let resumed = json!({"runId": run, "afterSeq": 0});
    assert_eq!(refused(&mut eve, "ResumeRun", resumed).await, "not_found");
    let list = eve.invoke("ListConversations", json!([{}])).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));

    let opened = json!([{"conversationId": id}]);
    let opened = tabs.there.invoke("OpenConversation", opened).await;
    assert_eq!(opened["messages"].as_array().map(Vec::len), Some(2));
    assert_ne!(opened["title"], "Mine");
}

/// The code with which a stream is refused.
async fn refused(client: &mut HubClient, target: &str, argument: Value) -> String {
    begin_stream(client, target, target, argument).await;
    loop {
        match client.next().await {
            Received::Message(message) if message["type"] == 3 => return code(&message),
            Received::Message(message) => assert_ne!(message["type"], 2, "{message}"),
            Received::Closed { code } => panic!("closed with {code}"),
        }
    }
}
