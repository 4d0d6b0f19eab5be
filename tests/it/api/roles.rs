//! Every hub method and every route, for every role.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

const SETTINGS: [(&str, &str); 2] = [
    ("ConnectionStrings__Redis", ""),
    ("Authentication__Jwt__Secret", SECRET),
];

/// What each role includes.
const ROLES: [(&str, &[&str]); 5] = [
    ("", &["user"]),
    ("viewer", &["user", "viewer"]),
    ("operator", &["user", "viewer", "operator"]),
    ("worker", &["user", "worker"]),
    ("admin", &["user", "viewer", "operator", "worker", "admin"]),
];

const METHODS: [(&str, &str, &str); 38] = [
    ("llmhub", "SendMessage", "user"),
    ("llmhub", "StreamMessage", "user"),
    ("llmhub", "Regenerate", "user"),
    ("llmhub", "EditMessage", "user"),
    ("llmhub", "ResumeRun", "user"),
    ("llmhub", "CancelRun", "user"),
    ("llmhub", "ActiveRuns", "user"),
    ("llmhub", "OpenConversation", "user"),
    ("llmhub", "CloseConversation", "user"),
    ("llmhub", "ListConversations", "user"),
    ("llmhub", "RenameConversation", "user"),
    ("llmhub", "DeleteConversation", "user"),
    ("llmhub", "ListModels", "user"),
    ("llmhub", "GetUsage", "user"),
    ("bothub", "ListBots", "viewer"),
    ("bothub", "SubscribeBots", "viewer"),
    ("bothub", "UnsubscribeBots", "viewer"),
    ("bothub", "GetBot", "viewer"),
    ("bothub", "GetTrades", "viewer"),
    ("bothub", "GetOrders", "viewer"),
    ("bothub", "GetLogs", "viewer"),
    ("bothub", "StartBot", "operator"),
    ("bothub", "StopBot", "operator"),
    ("bothub", "PauseBot", "operator"),
    ("bothub", "ResumeBot", "operator"),
    ("bothub", "ForceExit", "operator"),
    ("bothub", "RegisterBots", "worker"),
    ("bothub", "ReportBotEvents", "worker"),
    ("bothub", "Heartbeat", "worker"),
    ("backtesthub", "ListBacktests", "viewer"),
    ("backtesthub", "GetBacktest", "viewer"),
    ("backtesthub", "GetTrades", "viewer"),
    ("backtesthub", "GetLogs", "viewer"),
    ("backtesthub", "SubscribeBacktests", "viewer"),
    ("backtesthub", "UnsubscribeBacktests", "viewer"),
    ("backtesthub", "CancelBacktest", "operator"),
    ("backtesthub", "RegisterBacktests", "worker"),
    ("backtesthub", "ReportBacktestEvents", "worker"),
];

fn token(role: &str) -> String {
    let roles: Vec<&str> = Some(role)
        .filter(|role| !role.is_empty())
        .into_iter()
        .collect();
    let claims = json!({"sub": "ann", "roles": roles, "exp": seconds_from_now(600)});
    sign(&claims, SECRET)
}

#[test]
fn the_table_has_every_method_that_the_hubs_name() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/hubs");
    for (hub, file) in [
        ("llmhub", "llm.rs"),
        ("bothub", "bots.rs"),
        ("backtesthub", "backtests.rs"),
    ] {
        let text = std::fs::read_to_string(folder.join(file)).expect("the hub is there");
        let quoted = |after| {
            text.split(after)
                .skip(1)
                .filter_map(|rest: &str| rest.split('"').next())
        };
        let named: BTreeSet<_> = quoted(".method(\"").chain(quoted(".stream(\"")).collect();
        let of_hub = METHODS.iter().filter(|(of, ..)| *of == hub);
        let in_table: BTreeSet<_> = of_hub.map(|(_, method, _)| *method).collect();
        assert_eq!(named, in_table, "{hub}");
        assert!(!named.is_empty());
    }
}

#[tokio::test]
async fn each_hub_method_asks_for_its_role() {
    let program = Program::start(&SETTINGS);
    for (role, included) in ROLES {
        for hub in ["llmhub", "bothub", "backtesthub"] {
            let path = format!("/{hub}?access_token={}", token(role));
            let mut client = connect(&program, &path).await;
            for (_, method, needed) in METHODS.iter().filter(|(of, ..)| *of == hub) {
                // No argument fits, so that nothing happens where it may be called; who may not is
                // told so first.
                let takes_nothing = ["ListBots", "ListModels"].contains(method);
                let arguments = if takes_nothing {
                    json!([])
                } else {
                    json!([{"botIds": 1}])
                };
                let completion = client.call(method, arguments).await;
                let error = completion["error"].as_str().unwrap_or_default();
                let is_forbidden = error.contains("\"forbidden\"");
                assert_eq!(
                    is_forbidden,
                    !included.contains(needed),
                    "{role} {method}: {error}"
                );
            }
        }
    }
}

/// What an operation needs; those of sends take access keys besides.
fn needed(method: &str, path: &str) -> &'static str {
    match path {
        "/health/live" | "/health/ready" | "/metrics" | "/openapi.json" => "nothing",
        _ if path.starts_with("/api/hubs/") => "admin",
        _ if path.starts_with("/api/v1/instances") => "admin",
        _ if path.starts_with("/api/v1/connections") => "admin",
        _ if path.ends_with("/events") => "worker",
        _ if method == "delete" => "admin",
        _ if path.starts_with("/api/v1/") => "viewer",
        _ => panic!("{method} {path} is in no rule"),
    }
}

#[tokio::test]
async fn each_route_asks_for_its_role() {
    let program = Program::start(&SETTINGS);
    let document = ask(&program, "GET", "/openapi.json", &[], "").await.body;
    let paths = document["paths"].as_object().expect("has paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("has operations").keys();
        methods.map(move |method| (method.as_str(), path.as_str()))
    });
    for (method, path) in operations {
        let needed = needed(method, path);
        let address: String = path
            .split_inclusive(['{', '}'])
            .map(|part| match part.strip_suffix('}') {
                Some("hub") => "bothub",
                Some(_) => "x",
                None => part.trim_end_matches('{'),
            })
            .collect();
        let method = method.to_uppercase();
        let nobody = ask(&program, &method, &address, &[JSON], "").await.status();
        assert_eq!(
            nobody == 401,
            needed != "nothing",
            "{method} {path}: {nobody}"
        );
        for (role, included) in ROLES {
            let authorization = bearer(&token(role));
            let headers = [JSON, ("Authorization", authorization.as_str())];
            let status = ask(&program, &method, &address, &headers, "")
                .await
                .status();
            let may = needed == "nothing" || included.contains(&needed);
            assert_eq!(status != 403, may, "{role} {method} {path}: {status}");
            assert!(status < 500, "{method} {path}: {status}");
        }
    }
}
