//! Tokens from the attacker's side, over real sockets. What each check does by itself is tried in
//! `src/auth/tests`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;
use crate::support::hub_client::Received;
use crate::support::websocket::{self, Upgrade};

const RSA_PUBLIC: &str = include_str!("../../../src/auth/tests/rsa.pub.pem");

fn claims() -> Value {
    json!({
        "sub": "ann", "roles": ["admin"], "exp": seconds_from_now(60), "iss": "us", "aud": "desk",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn unsigned(header: Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&header), part(&claims()))
}

#[tokio::test]
async fn forged_and_misplaced_tokens_open_nothing() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
        ("Authentication__Jwt__PublicKeyPem", RSA_PUBLIC),
        ("Authentication__Jwt__Issuer", "us"),
        ("Authentication__Jwt__Audience", "desk"),
        ("Authentication__Jwt__ClockSkewSeconds", "0"),
    ]);
    let good = sign(&claims(), SECRET);
    let (head, signature) = good.rsplit_once('.').expect("has three parts");
    let forged = [
        ("alg none", unsigned(json!({"alg": "none"}))),
        ("alg None", unsigned(json!({"alg": "None"}))),
        ("no signature", format!("{head}.")),
        ("a cut signature", format!("{head}.{}", &signature[..20])),
        ("a public key as a secret", sign(&claims(), RSA_PUBLIC)),
        (
            "its text without the end",
            sign(&claims(), RSA_PUBLIC.trim()),
        ),
        (
            "another secret",
            sign(&claims(), "another secret of thirty-two bytes"),
        ),
        (
            "expired",
            sign(&with("exp", json!(seconds_from_now(-1))), SECRET),
        ),
        (
            "not yet valid",
            sign(&with("nbf", json!(seconds_from_now(30))), SECRET),
        ),
        ("another issuer", sign(&with("iss", json!("them")), SECRET)),
        (
            "another audience",
            sign(&with("aud", json!(["api", "x"])), SECRET),
        ),
        ("no audience", sign(&with("aud", json!(null)), SECRET)),
        ("an empty user", sign(&with("sub", json!("")), SECRET)),
        (
            "a user with a line end",
            sign(&with("sub", json!("a\nb")), SECRET),
        ),
        (
            "a long user",
            sign(&with("sub", json!("x".repeat(129))), SECRET),
        ),
    ];
    let open = async |token: &str| {
        let authorization = bearer(token);
        let headers = [("Authorization", authorization.as_str())];
        let listed = ask(&program, "GET", "/api/v1/bots", &headers, "")
            .await
            .status();
        let path = "/bothub/negotiate?negotiateVersion=1";
        let negotiated = ask(&program, "POST", path, &headers, "").await.status();
        let path = format!("/bothub?access_token={token}");
        let upgrade = websocket::connect(address(&program), &path, &[]).await;
        let upgraded = match upgrade.expect("is answered") {
            Upgrade::Open(head, ..) => head.status,
            Upgrade::Refused(answer) => answer.head.status,
        };
        (listed, negotiated, upgraded)
    };
    assert_eq!(open(&good).await, (200, 200, 101));
    for (what, token) in forged {
        assert_eq!(open(&token).await, (401, 401, 401), "{what}");
    }
}

async fn negotiated(program: &Program, hub: &str, token: &str) -> String {
    let path = format!("/{hub}/negotiate?negotiateVersion=1&access_token={token}");
    let answer = ask(program, "POST", &path, &[], "").await;
    let id = answer.body["connectionToken"].as_str();
    id.expect("a token").to_owned()
}

#[tokio::test]
async fn a_stolen_negotiate_token_is_good_for_nobody_else_and_nowhere_else() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
    ]);
    let token = |user: &str| {
        let claims = json!({"sub": user, "roles": ["viewer"], "exp": seconds_from_now(60)});
        sign(&claims, SECRET)
    };
    let (ann, mallory) = (token("ann"), token("mallory"));
    let stolen = negotiated(&program, "bothub", &ann).await;
    let path = |hub: &str, who: &str| format!("/{hub}?id={stolen}&access_token={who}");
    let by_mallory = path("bothub", &mallory);
    for (method, headers) in [
        ("GET", vec![]),
        ("GET", vec![("Accept", "text/event-stream")]),
        ("POST", vec![]),
        ("DELETE", vec![]),
    ] {
        let status = ask(&program, method, &by_mallory, &headers, "")
            .await
            .status();
        assert_eq!(status, 403, "{method} {headers:?}");
    }
    let upgrade = async |path: &str| match websocket::connect(address(&program), path, &[]).await {
        Ok(Upgrade::Open(head, ..)) => head.status,
        Ok(Upgrade::Refused(answer)) => answer.head.status,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(upgrade(&by_mallory).await, 403);
    assert_eq!(upgrade(&path("llmhub", &ann)).await, 404, "another hub's");
    let mut changed = stolen.clone().into_bytes();
    changed[10] = if changed[10] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("is text");
    let changed = format!("/bothub?id={changed}&access_token={ann}");
    assert_eq!(upgrade(&changed).await, 404);
    let mut client = connect(&program, &path("bothub", &ann)).await;
    assert_eq!(upgrade(&by_mallory).await, 403, "also while it is in use");
    client.invoke("ListBots", json!([])).await;
}

#[tokio::test]
async fn a_token_that_expires_closes_its_connection_and_lets_it_come_back() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
    ]);
    let end = seconds_from_now(3);
    let claims = json!({"sub": "ann", "roles": ["viewer"], "exp": end});
    let path = format!("/bothub?access_token={}", sign(&claims, SECRET));
    let mut client = connect(&program, &path).await;
    client.invoke("ListBots", json!([])).await;
    loop {
        match client.next().await {
            Received::Message(message) if message["type"] == 7 => {
                assert_eq!(message["allowReconnect"], true, "{message}");
                break;
            }
            Received::Message(_) => {}
            Received::Closed { code } => panic!("closed with {code} before a close message"),
        }
    }
    let late = seconds_from_now(0) - end;
    assert!((0..30).contains(&late), "{late} s after the end");
    // The skew lets a token in a little late, but no connection lives on it.
    let mut again = connect(&program, &path).await;
    let (_, code) = again.closed().await;
    assert_eq!(code, 1000);
}

#[tokio::test]
async fn odd_ids_are_ids_or_refused_but_never_paths() {
    let program = Program::start(&OPEN);
    let long = "x".repeat(129);
    for (id, status) in [
        ("..", 404),
        ("..%2F..%2Fhealth%2Flive", 404),
        ("%2e%2e%2f%2e%2e%2fhealth", 404),
        ("a:user:b", 404),
        ("%00", 400),
        ("a%0Ab", 400),
        ("a%7F", 400),
        ("a%C2%85", 400),
        (&long, 400),
        (&"%C3%A9".repeat(128), 404),
        (&"%C3%A9".repeat(129), 400),
    ] {
        for path in [format!("bots/{id}"), format!("backtests/{id}/trades")] {
            let answer = ask(&program, "GET", &format!("/api/v1/{path}"), &[], "").await;
            assert_eq!(answer.status(), status, "{path}");
            assert!(answer.body["code"].is_string(), "{path}");
        }
    }
    // The id is kept as it was meant.
    let event = json!({"type": "BotStatus", "state": "running"}).to_string();
    let path = "/api/v1/bots/..%2Fa%3Ab%20%25/events";
    assert_eq!(
        ask(&program, "POST", path, &[JSON], &event).await.status(),
        202
    );
    let list = ask(&program, "GET", "/api/v1/bots", &[], "").await.body;
    assert_eq!(list[0]["botId"], "../a:b %");
}
