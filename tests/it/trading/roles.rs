//! Who may do what on the trading hubs.

use serde_json::json;

use super::*;
use crate::program::process::run;

const SECRET: &str = "a secret of at least thirty-two bytes";
const PRODUCTION: [(&str, &str); 2] = [
    ("ConnectionStrings__Redis", ""),
    ("Authentication__Jwt__Secret", SECRET),
];

fn token(roles: &str) -> String {
    let arguments = ["gen-token", "ann", "--roles", roles];
    let (token, succeeded) = run(&arguments, &PRODUCTION);
    assert!(succeeded, "{token}");
    token.trim().to_owned()
}

#[tokio::test]
async fn each_method_asks_for_its_role() {
    let program = Program::start(&PRODUCTION);
    let calls = [
        ("ListBots", json!([]), "viewer"),
        ("StartBot", json!([{"botId": "b"}]), "operator"),
        ("RegisterBots", json!([{"botIds": ["b"]}]), "worker"),
    ];
    for (role, may) in [
        ("viewer", vec!["viewer"]),
        ("operator", vec!["viewer", "operator"]),
        ("worker", vec!["worker"]),
        ("admin", vec!["viewer", "operator", "worker"]),
    ] {
        let path = format!("/bothub?access_token={}", token(role));
        let mut client = HubClient::connect_to(address(&program), &path).await;
        for (method, arguments, needed) in &calls {
            let completion = client.call(method, arguments.clone()).await;
            let is_forbidden =
                completion["error"].is_string() && problem(&completion)["code"] == "forbidden";
            assert_eq!(is_forbidden, !may.contains(needed), "{role}: {completion}");
        }
    }
}
