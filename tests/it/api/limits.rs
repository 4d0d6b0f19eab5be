//! How much a user and a connection may do.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::support::hub_client::Received;

fn token(user: &str) -> String {
    let claims = json!({"sub": user, "roles": ["viewer"], "exp": seconds_from_now(600)});
    sign(&claims, SECRET)
}

async fn client(program: &Program, user: &str) -> HubClient {
    connect(program, &format!("/bothub?access_token={}", token(user))).await
}

/// The problem of the first of many calls that is refused.
async fn first_refusal(client: &mut HubClient) -> Value {
    for _ in 0..1000 {
        let completion = client.call("ListBots", json!([])).await;
        if let Some(error) = completion["error"].as_str() {
            let start = error.find('{').expect("an object");
            return serde_json::from_str(&error[start..]).expect("is JSON");
        }
    }
    panic!("a thousand calls were let through");
}

#[tokio::test]
async fn who_calls_too_often_is_told_to_wait_and_others_are_not() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
        ("Limits__CallsPerSecondPerConnection", "5"),
        ("Limits__CallsPerSecondPerUser", "1000"),
    ]);
    let (mut eager, mut calm) = (client(&program, "ann").await, client(&program, "ann").await);
    let refused = first_refusal(&mut eager).await;
    assert_eq!(refused["code"], "rate_limited");
    let wait = refused["retryAfterMs"].as_u64().expect("says how long");
    assert!((1..=1000).contains(&wait), "{wait}");
    calm.invoke("ListBots", json!([])).await;
    tokio::time::sleep(Duration::from_millis(wait)).await;
    eager.invoke("ListBots", json!([])).await;
}

#[tokio::test]
async fn a_users_quota_counts_all_hubs_and_http_together() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
        ("Limits__CallsPerSecondPerUser", "5"),
    ]);
    let ann = bearer(&token("ann"));
    let headers = [("Authorization", ann.as_str())];
    let limited = async {
        for _ in 0..1000 {
            let answer = ask(&program, "GET", "/api/v1/bots", &headers, "").await;
            if answer.status() != 200 {
                return answer;
            }
        }
        panic!("a thousand requests were let through");
    };
    let limited = limited.await;
    assert_eq!(limited.refusal(), (429, "rate_limited"));
    assert_eq!(limited.head.header("retry-after").as_deref(), Some("1"));
    let mut ann = client(&program, "ann").await;
    assert_eq!(first_refusal(&mut ann).await["code"], "rate_limited");
    let bob = bearer(&token("bob"));
    let answer = ask(
        &program,
        "GET",
        "/api/v1/bots",
        &[("Authorization", &bob)],
        "",
    )
    .await;
    assert_eq!(answer.status(), 200);
    // A user whose quota is used up is still told first that it may not do something.
    let path = "/health/ready";
    assert_eq!(ask(&program, "GET", path, &headers, "").await.status(), 200);
}

#[tokio::test]
async fn a_user_has_so_many_connections_at_a_time() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
        ("Limits__ConnectionsPerUser", "2"),
    ]);
    let first = client(&program, "ann").await;
    let mut second = client(&program, "ann").await;
    let path = format!("/llmhub?access_token={}", token("ann"));
    let mut third = connect(&program, &path).await;
    let (error, _) = third.closed().await;
    assert!(
        error
            .as_deref()
            .is_some_and(|text| text.contains("rate_limited")),
        "{error:?}"
    );
    second.invoke("ListBots", json!([])).await;
    client(&program, "bob")
        .await
        .invoke("ListBots", json!([]))
        .await;
    drop(first);
    // The server sees the end of a socket soon, but not at once.
    let begin = Instant::now();
    loop {
        let mut next = client(&program, "ann").await;
        next.send("ListBots", json!([])).await;
        let call = json!({"type": 1, "invocationId": "1", "target": "ListBots", "arguments": []});
        next.send_message(&call).await;
        match next.next().await {
            Received::Message(message) if message["type"] == 3 => break,
            _ => assert!(
                begin.elapsed() < Duration::from_secs(30),
                "the place stays taken"
            ),
        }
    }
}
