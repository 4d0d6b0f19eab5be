//! What belongs to another user is not there, for an admin too; and names that look like others'
//! are not mixed up.

use serde_json::json;

use super::*;
use crate::support::hub_client::Received;

fn problem_code(completion: &Value) -> String {
    let error = completion["error"].as_str().unwrap_or_default();
    let object = error.find('{').map_or("{}", |start| &error[start..]);
    let object: Value = serde_json::from_str(object).unwrap_or_default();
    object["code"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test]
async fn another_users_conversations_messages_and_runs_are_not_found() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
        ("Storage__Path", ""),
    ]);
    let path = |user: &str, role: &str| {
        let claims = json!({"sub": user, "roles": [role], "exp": seconds_from_now(600)});
        format!("/llmhub?access_token={}", sign(&claims, SECRET))
    };
    let mut ann = connect(&program, &path("ann", "viewer")).await;
    let sent = ann
        .invoke("SendMessage", json!([{"content": "hello"}]))
        .await;
    let conversation = &sent["conversationId"];
    let (message, run) = (&sent["messageId"], &sent["runId"]);
    let user_message = &sent["userMessageId"];
    for (user, role) in [
        ("bob", "viewer"),
        ("root", "admin"),
        ("Ann", "admin"),
        ("ann ", "admin"),
    ] {
        let mut other = connect(&program, &path(user, role)).await;
        for (method, argument) in [
            ("OpenConversation", json!({"conversationId": conversation})),
            (
                "SendMessage",
                json!({"conversationId": conversation, "content": "x"}),
            ),
            (
                "RenameConversation",
                json!({"conversationId": conversation, "title": "x"}),
            ),
            (
                "DeleteConversation",
                json!({"conversationId": conversation}),
            ),
            (
                "Regenerate",
                json!({"conversationId": conversation, "messageId": message}),
            ),
            (
                "EditMessage",
                json!({"conversationId": conversation, "messageId": user_message, "content": "x"}),
            ),
            ("CancelRun", json!({"runId": run})),
        ] {
            let completion = other.call(method, json!([argument])).await;
            assert_eq!(
                problem_code(&completion),
                "not_found",
                "{user} {method}: {completion}"
            );
        }
        for (method, argument) in [
            ("ResumeRun", json!({"runId": run, "afterSeq": 0})),
            (
                "StreamMessage",
                json!({"conversationId": conversation, "content": "x"}),
            ),
        ] {
            let call = json!({"type": 4, "invocationId": method, "target": method, "arguments": [argument]});
            other.send_message(&call).await;
            let completion = loop {
                match other.next().await {
                    Received::Message(it) if it["type"] == 3 => break it,
                    Received::Message(_) => {}
                    closed => panic!("{closed:?}"),
                }
            };
            assert_eq!(
                problem_code(&completion),
                "not_found",
                "{user} {method}: {completion}"
            );
        }
        let runs = other.invoke("ActiveRuns", json!([{}])).await;
        assert_eq!(runs, json!([]), "{user}");
        let list = other.invoke("ListConversations", json!([{}])).await;
        assert_eq!(list["items"], json!([]), "{user}");
    }
    let opened = ann
        .invoke(
            "OpenConversation",
            json!([{"conversationId": conversation}]),
        )
        .await;
    assert_eq!(opened["conversationId"], *conversation);
}

#[tokio::test]
async fn names_with_separators_are_names() {
    let program = Program::start(&OPEN);
    let odd = [
        "ann",
        "ann:x",
        "group:ann",
        "Managing.Api.Hubs.BotHub:user:ann",
        "ann%2F..",
        "*",
        "a?[b",
    ];
    let mut clients = Vec::new();
    for user in odd {
        let user: String = form_urlencoded::byte_serialize(user.as_bytes()).collect();
        clients.push(connect(&program, &format!("/bothub?user={user}")).await);
    }
    let encoded = |name: &str| -> String {
        percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    for user in odd {
        let body = json!({"target": "Said", "arguments": [user]}).to_string();
        let path = format!("/api/hubs/bothub/users/{}/:send", encoded(user));
        assert_eq!(
            ask(&program, "POST", &path, &[JSON], &body).await.status(),
            202
        );
        let path = format!("/api/hubs/bothub/groups/{}/:send", encoded(user));
        assert_eq!(
            ask(&program, "POST", &path, &[JSON], &body).await.status(),
            202
        );
    }
    let end = json!({"target": "End"}).to_string();
    ask(&program, "POST", "/api/hubs/bothub/:send", &[JSON], &end).await;
    for (client, user) in clients.iter_mut().zip(odd) {
        assert_eq!(client.next_call("Said").await, json!([user]));
        match client.next().await {
            Received::Message(next) => {
                assert_eq!(next["target"], "End", "{user} got {next}");
            }
            closed => panic!("{closed:?}"),
        }
    }
}
