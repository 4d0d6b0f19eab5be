//! Who may send to clients: bearers of an access key's token, admins, and nobody else.

use serde_json::json;

use super::*;

const KEYS: &str = "Endpoint=https://fleet.example;AccessKey=Zmlyc3Q=;Version=1.0;,\
    Endpoint=https://fleet.example;AccessKey=c2Vjb25k;";
const PATH: &str = "/api/hubs/bothub/users/a%2Fb/:send";
const BODY: &str = r#"{"target":"t"}"#;

async fn send(program: &Program, headers: &[(&str, &str)]) -> (u16, String) {
    let mut all = vec![JSON];
    all.extend(headers);
    let answer = ask(program, "POST", PATH, &all, BODY).await;
    let (status, code) = answer.refusal();
    (status, code.to_owned())
}

async fn with_token(program: &Program, token: &str) -> (u16, String) {
    send(program, &[("Authorization", &bearer(token))]).await
}

fn claims(audience: &str) -> Value {
    json!({"aud": audience, "exp": seconds_from_now(60)})
}

#[tokio::test]
async fn the_token_of_an_access_key_is_good_for_its_address_only() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
        ("Azure__SignalR__ConnectionString", KEYS),
    ]);
    let audience = format!("https://fleet.example{PATH}");
    for key in ["Zmlyc3Q=", "c2Vjb25k"] {
        let token = sign(&claims(&audience), key);
        assert_eq!(with_token(&program, &token).await.0, 202, "{key}");
    }
    let query = format!("{audience}?api-version=2022-06-01");
    let token = sign(&claims(&query), "c2Vjb25k");
    assert_eq!(with_token(&program, &token).await.0, 202);

    let good = claims(&audience);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let unauthorized = (401, "unauthorized".to_owned());
    for (what, token) in [
        ("another key", sign(&good, "third")),
        ("an empty key", sign(&good, "")),
        (
            "expired",
            sign(&with("exp", json!(seconds_from_now(-60))), "c2Vjb25k"),
        ),
        (
            "not yet",
            sign(&with("nbf", json!(seconds_from_now(60))), "c2Vjb25k"),
        ),
        ("no end", sign(&json!({"aud": audience}), "c2Vjb25k")),
        (
            "no audience",
            sign(&json!({"exp": seconds_from_now(60)}), "c2Vjb25k"),
        ),
        (
            "another hub",
            sign(&claims(&audience.replace("bothub", "llmhub")), "c2Vjb25k"),
        ),
        (
            "a decoded slash",
            sign(&claims(&audience.replace("%2F", "/")), "c2Vjb25k"),
        ),
        (
            "the host alone",
            sign(&claims("https://fleet.example"), "c2Vjb25k"),
        ),
        ("no token", "x".to_owned()),
    ] {
        assert_eq!(with_token(&program, &token).await, unauthorized, "{what}");
    }
    assert_eq!(send(&program, &[]).await, unauthorized);
    // An access key is no key to the hubs.
    let claims =
        json!({"sub": "ann", "roles": ["admin"], "aud": "/bothub", "exp": seconds_from_now(60)});
    let token = sign(&claims, "c2Vjb25k");
    let path = format!("/bothub/negotiate?negotiateVersion=1&access_token={token}");
    assert_eq!(ask(&program, "POST", &path, &[], "").await.status(), 401);
    // Admins may send as well.
    let token = |role: &str| {
        sign(
            &json!({"sub": "ann", "roles": [role], "exp": seconds_from_now(60)}),
            SECRET,
        )
    };
    assert_eq!(with_token(&program, &token("admin")).await.0, 202);
    assert_eq!(with_token(&program, &token("operator")).await.0, 403);
}

#[tokio::test]
async fn without_an_access_key_sending_needs_an_admin() {
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
    ]);
    for (roles, status) in [
        (json!(["admin"]), 202),
        (json!(["viewer", "operator", "worker"]), 403),
        (json!([]), 403),
    ] {
        let claims = json!({"sub": "ann", "roles": roles, "exp": seconds_from_now(60)});
        let (answered, _) = with_token(&program, &sign(&claims, SECRET)).await;
        assert_eq!(answered, status, "{roles}");
    }
    assert_eq!(send(&program, &[]).await.0, 401);
    assert_eq!(send(&program, &[("X-Api-Key", "k")]).await.0, 401);
}

#[tokio::test]
async fn where_everyone_may_do_everything_a_token_is_optional_but_must_be_valid() {
    let mut settings = OPEN.to_vec();
    settings.push(("Azure__SignalR__ConnectionString", KEYS));
    let program = Program::start(&settings);
    assert_eq!(send(&program, &[]).await.0, 202);
    let token = sign(&claims(PATH), "c2Vjb25k");
    assert_eq!(with_token(&program, &token).await.0, 202);
    assert_eq!(with_token(&program, "nonsense").await.0, 401);
    let token = sign(&claims(PATH), "third");
    assert_eq!(with_token(&program, &token).await.0, 401);
}
