//! Messages from any service to the hubs' clients.

mod presence;

use serde_json::json;

use super::*;
use crate::support::hub_client::{Received, open_socket};
use crate::support::websocket::Incoming;

/// The id of a connection that was negotiated, and its client.
async fn with_id(program: &Program, hub: &str, query: &str) -> (String, HubClient) {
    let path = format!("/{hub}/negotiate?negotiateVersion=1&{query}");
    let answer = ask(program, "POST", &path, &[], "").await;
    let id = answer.body["connectionId"].as_str().expect("an id");
    let token = answer.body["connectionToken"].as_str().expect("a token");
    let client = connect(program, &format!("/{hub}?id={token}&{query}")).await;
    (id.to_owned(), client)
}

async fn send(program: &Program, path: &str, target: &str) {
    let body = json!({"target": target, "arguments": [path]}).to_string();
    let answer = ask(
        program,
        "POST",
        &format!("/api/hubs/{path}"),
        &[JSON],
        &body,
    )
    .await;
    assert_eq!(answer.status(), 202, "{path}");
}

async fn status(program: &Program, method: &str, path: &str) -> u16 {
    let path = format!("/api/hubs/{path}");
    ask(program, method, &path, &[], "").await.status()
}

#[tokio::test]
async fn a_message_reaches_whom_it_is_meant_for_and_nobody_else() {
    let program = Program::start(&OPEN);
    let (ann_id, mut ann) = with_id(&program, "bothub", "user=ann").await;
    let (bob_id, mut bob) = with_id(&program, "bothub", "user=bob").await;
    let (_, mut other) = with_id(&program, "backtesthub", "user=ann").await;
    let path = format!("bothub/groups/team%3Aa%2Fb/connections/{bob_id}");
    assert_eq!(status(&program, "PUT", &path).await, 200);

    for path in [
        "BotHub/users/ann/:send".to_owned(),
        "BOTHUB/:send".to_owned(),
        "bothub/groups/team%3Aa%2Fb/:send".to_owned(),
        format!("bothub/:send?excluded={bob_id}&excluded=x"),
        format!("bothub/connections/{bob_id}/%3Asend"),
        format!("bothub/groups/team:a%2Fb/:send?excluded={bob_id}"),
        format!("bothub/connections/{ann_id}/:send?api-version=2022-06-01&application=a"),
    ] {
        send(&program, &path, "Said").await;
    }
    send(&program, "bothub/:send", "End").await;
    let ann_got = all_until_end(&mut ann).await;
    let bob_got = all_until_end(&mut bob).await;
    let all = |got: &[String], part: &str| got.iter().filter(|path| path.contains(part)).count();
    assert_eq!(ann_got.len(), 4, "{ann_got:?}");
    assert_eq!(all(&ann_got, "users/ann") + all(&ann_got, &ann_id), 2);
    assert_eq!(bob_got.len(), 3, "{bob_got:?}");
    assert_eq!(all(&bob_got, "team"), 1);

    send(&program, "backtesthub/:send", "End").await;
    assert!(all_until_end(&mut other).await.is_empty());
}

/// The first arguments of all calls before that of `End`.
async fn all_until_end(client: &mut HubClient) -> Vec<String> {
    let mut arguments = Vec::new();
    loop {
        match client.next().await {
            Received::Message(value) if value["target"] == "End" => return arguments,
            Received::Message(value) if value["type"] == 1 => {
                let argument = value["arguments"][0].as_str();
                arguments.push(argument.expect("a text").to_owned());
            }
            Received::Message(_) => {}
            Received::Closed { code } => panic!("closed with {code}"),
        }
    }
}

#[tokio::test]
async fn arguments_arrive_to_the_letter() {
    let program = Program::start(&OPEN);
    let (sender, mut receiver) = open_socket(address(&program), "/llmhub?user=ann").await;
    let handshake = "{\"protocol\":\"json\",\"version\":1}\x1e";
    sender.text(handshake).await.expect("the socket is open");
    let mut next = async || match receiver.next().await {
        Incoming::Message { bytes, .. } => String::from_utf8(bytes).expect("is text"),
        other => panic!("{other:?}"),
    };
    assert_eq!(next().await, "{}\x1e");
    // Numbers that no float holds, escapes, the order of members, spaces and lines.
    let arguments = r#"1e400,0.10,{"b":1, "a":"\u00e9\u001e\n"},null,
        [[]],12345678901234567890123"#;
    let body = format!(r#"{{"more":{{}},"arguments":[{arguments}],"target":"Said"}}"#);
    let answer = ask(&program, "POST", "/api/hubs/llmhub/:send", &[JSON], &body).await;
    assert_eq!(answer.status(), 202);
    let squeezed = arguments.replace("\n        ", "");
    let expected = format!("{{\"type\":1,\"target\":\"Said\",\"arguments\":[{squeezed}]}}\x1e");
    assert_eq!(next().await, expected);
    for body in [
        r#"{"target":"Said"}"#,
        r#"{"target":"Said","arguments":null}"#,
    ] {
        ask(&program, "POST", "/api/hubs/llmhub/:send", &[JSON], body).await;
        let expected = "{\"type\":1,\"target\":\"Said\",\"arguments\":[]}\x1e";
        assert_eq!(next().await, expected);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_a_code() {
    let program = Program::start(&OPEN);
    let mut client = connect(&program, "/bothub?user=ann").await;
    let good = r#"{"target":"t"}"#;
    let deep = format!(
        r#"{{"target":"t","arguments":[{}{}]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let large = format!(r#"{{"target":"{}"}}"#, "x".repeat(1024 * 1024));
    let long = "x".repeat(1025);
    let long_group = format!("bothub/groups/{long}/:send");
    let plain = ("Content-Type", "text/plain");
    for (path, header, body, expected) in [
        ("nohub/:send", JSON, good, (404, "not_found")),
        ("bothub%2F/:send", JSON, good, (404, "not_found")),
        ("../bothub/:send", JSON, good, (404, "not_found")),
        ("bothub/:fly", JSON, good, (404, "not_found")),
        ("bothub/:send", JSON, "", (400, "invalid_request")),
        ("bothub/:send", JSON, "{", (400, "invalid_request")),
        ("bothub/:send", JSON, "[]", (400, "invalid_request")),
        (
            "bothub/:send",
            JSON,
            r#"{"target":""}"#,
            (400, "invalid_request"),
        ),
        (
            "bothub/:send",
            JSON,
            r#"{"arguments":[]}"#,
            (400, "invalid_request"),
        ),
        (
            "bothub/:send",
            JSON,
            r#"{"target":"t","arguments":{}}"#,
            (400, "invalid_request"),
        ),
        (
            "bothub/:send",
            JSON,
            "{\"target\":\"t\",\"arguments\":[\"\u{1e}\"]}",
            (400, "invalid_request"),
        ),
        ("bothub/:send", JSON, &deep, (400, "invalid_request")),
        ("bothub/:send", JSON, &large, (413, "too_large")),
        ("bothub/:send", plain, good, (415, "unsupported_media_type")),
        (&long_group, JSON, good, (400, "invalid_request")),
        (
            "bothub/groups/%20/:send",
            JSON,
            good,
            (400, "invalid_request"),
        ),
        (
            "bothub/users/a%0Ab/:send",
            JSON,
            good,
            (400, "invalid_request"),
        ),
    ] {
        let answer = ask(
            &program,
            "POST",
            &format!("/api/hubs/{path}"),
            &[header],
            body,
        )
        .await;
        let media_type = answer.head.header("content-type");
        assert_eq!(
            media_type.as_deref(),
            Some("application/problem+json"),
            "{path}"
        );
        let cut: String = body.chars().take(60).collect();
        assert_eq!(answer.refusal(), expected, "{path} {cut}");
    }
    let answer = ask(&program, "PATCH", "/api/hubs/bothub/:send", &[], "").await;
    assert_eq!(answer.refusal(), (405, "method_not_allowed"));
    assert_eq!(answer.head.header("allow").as_deref(), Some("POST"));
    send(&program, "bothub/:send", "End").await;
    assert!(all_until_end(&mut client).await.is_empty());
}
