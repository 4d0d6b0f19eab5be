//! What operators see and do over HTTP: any instance answers for all.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;

use super::clients::ask;
use crate::{
    program::process::{Program, run},
    support::{http::Request, hub_client::HubClient, redis::RedisServer, turn, within},
};

fn address(program: &Program) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, program.port()).into()
}

async fn get(program: &Program, path: &str) -> Value {
    let answer = ask(address(program), &Request::new("GET", path)).await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.head.status, 200, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn any_instance_lists_all_instances_and_connections_and_closes_any_of_them() {
    let _turn = turn::beside_others();
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    let (environment, server) = ("Development", redis.address());
    let settings = [
        ("APP_ENVIRONMENT", environment),
        ("ConnectionStrings__Redis", &server),
    ];
    let programs = [Program::start(&settings), Program::start(&settings)];
    let [one, other] = &programs;
    let mut ann = HubClient::connect_to(address(one), "/bothub?user=ann").await;
    let mut bob = HubClient::connect_to(address(other), "/backtesthub?user=bob").await;

    // Each instance describes itself with its next heartbeat.
    let complete = async {
        loop {
            let instances = get(one, "/api/v1/instances").await;
            let sum = |hub: &str| -> u64 {
                let counts = instances.as_array().into_iter().flatten();
                let counts = counts.map(|it| it["connections"][hub]["WebSockets"].as_u64());
                counts.map(Option::unwrap_or_default).sum()
            };
            if sum("bothub") == 1 && sum("backtesthub") == 1 {
                return instances;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let limit = std::time::Duration::from_secs(20);
    let instances = within(limit, "both instances are listed", complete)
        .await
        .unwrap();
    assert_eq!(instances.as_array().map(Vec::len), Some(2), "{instances}");
    for instance in instances.as_array().unwrap() {
        assert_eq!(instance["redis"], "connected", "{instances}");
        assert_eq!(
            instance["version"],
            env!("CARGO_PKG_VERSION"),
            "{instances}"
        );
        assert!(instance["uptimeMs"].is_u64() && instance["startedAt"].is_string());
    }

    let all = get(one, "/api/v1/connections").await;
    let users: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["user"])
        .collect();
    assert_eq!(users, ["bob", "ann"], "newest first: {all}");
    let first = get(one, "/api/v1/connections?limit=1").await;
    let cursor = first["nextCursor"].as_str().expect("another page");
    let second = get(
        other,
        &format!("/api/v1/connections?limit=1&cursor={cursor}"),
    )
    .await;
    assert_eq!(
        (&first["items"][0]["user"], &second["items"][0]["user"]),
        (&"bob".into(), &"ann".into())
    );
    assert_eq!(second["nextCursor"], Value::Null);
    let anns = get(other, "/api/v1/connections?hub=BotHub&user=ann").await;
    let connection = &anns["items"][0];
    assert_eq!(anns["items"].as_array().map(Vec::len), Some(1), "{anns}");
    assert_eq!(
        (&connection["hub"], &connection["transport"]),
        (&"bothub".into(), &"WebSockets".into())
    );
    assert_eq!(connection["protocol"], "json");
    assert!(connection["connectedAt"].as_str().unwrap().ends_with('Z'));

    let path = format!(
        "/api/v1/connections/{}",
        connection["connectionId"].as_str().unwrap()
    );
    let closed = ask(address(other), &Request::new("DELETE", &*path)).await;
    assert_eq!(closed.head.status, 204);
    ann.closed().await;
    let again = ask(address(other), &Request::new("DELETE", path)).await;
    assert_eq!(again.head.status, 404);
    let id = get(one, "/api/v1/connections").await["items"][0]["connectionId"].clone();
    let path = format!("/api/v1/connections/{}", id.as_str().unwrap());
    assert_eq!(
        ask(address(one), &Request::new("DELETE", path))
            .await
            .head
            .status,
        204
    );
    bob.closed().await;
}

#[test]
fn only_admins_see_the_fleet() {
    let settings = [
        (
            "Authentication__Jwt__Secret",
            "a secret of at least thirty-two bytes",
        ),
        ("REDIS_URL", ""),
    ];
    let token = |roles: &str| run(&["gen-token", "--roles", roles], &settings).0;
    let (admin, operator) = (token("admin"), token("operator"));
    let program = Program::start(&settings);
    for path in ["/api/v1/instances", "/api/v1/connections"] {
        assert_eq!(program.get(path).0, 401, "{path}");
        let with = |token: &str| {
            program
                .get(&format!("{path}?access_token={}", token.trim()))
                .0
        };
        assert_eq!((with(&operator), with(&admin)), (403, 200), "{path}");
    }
}
