//! Questions and orders about connections that are on other instances.

use serde_json::json;

use super::*;
use crate::support::{hub_client::Received, redis::RedisServer, within};

const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

struct Fleet {
    redis: RedisServer,
    first: Program,
    second: Program,
}

impl Fleet {
    /// Two instances that know each other. None: Redis is not installed.
    async fn start() -> Option<Self> {
        let redis = RedisServer::start(&[]).await?;
        let address = redis.address();
        let settings = [
            ("APP_ENVIRONMENT", "Development"),
            ("Storage__Path", ""),
            ("ConnectionStrings__Redis", address.as_str()),
        ];
        let (first, second) = (Program::start(&settings), Program::start(&settings));
        let fleet = Self {
            redis,
            first,
            second,
        };
        let known = async {
            let client = connect(&fleet.second, "/llmhub?user=scout").await;
            while fleet.status("HEAD", "llmhub/users/scout").await != 200 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            drop(client);
        };
        let known = within(LIMIT, "the instances know each other", known).await;
        known.unwrap_or_else(|problem| panic!("{problem}"));
        Some(fleet)
    }

    /// What the first instance answers.
    async fn status(&self, method: &str, path: &str) -> u16 {
        let path = format!("/api/hubs/{path}");
        ask(&self.first, method, &path, &[], "").await.status()
    }
}

#[tokio::test]
async fn connections_of_another_instance_are_found_joined_and_closed() {
    let Some(fleet) = Fleet::start().await else {
        return;
    };
    let path = "/bothub/negotiate?negotiateVersion=1&user=ann";
    let negotiated = ask(&fleet.second, "POST", path, &[], "").await.body;
    let token = negotiated["connectionToken"].as_str().expect("a token");
    let id = negotiated["connectionId"].as_str().expect("an id");
    let mut ann = connect(&fleet.second, &format!("/bothub?id={token}&user=ann")).await;
    for (method, path, status) in [
        ("HEAD", "bothub/users/ann".to_owned(), 200),
        ("HEAD", format!("bothub/connections/{id}"), 200),
        ("HEAD", format!("llmhub/connections/{id}"), 404),
        ("HEAD", "bothub/users/bob".to_owned(), 404),
        ("HEAD", "bothub/groups/a%3Ab".to_owned(), 404),
        ("PUT", "bothub/users/ann/groups/a%3Ab".to_owned(), 200),
        ("HEAD", "bothub/groups/a%3Ab".to_owned(), 200),
        ("HEAD", "bothub/users/ann/groups/a%3Ab".to_owned(), 200),
        ("DELETE", format!("bothub/connections/{id}/groups"), 200),
        ("HEAD", "bothub/users/ann/groups/a%3Ab".to_owned(), 404),
        (
            "DELETE",
            format!("bothub/connections/{id}?reason=enough"),
            200,
        ),
        ("DELETE", "bothub/connections/nobody".to_owned(), 404),
    ] {
        assert_eq!(fleet.status(method, &path).await, status, "{method} {path}");
    }
    assert_eq!(ann.closed().await.0.as_deref(), Some("enough"));
    let mut bob = connect(&fleet.second, "/bothub?user=bob").await;
    bob.invoke("ListBots", json!([])).await;
    let path = "bothub/:closeConnections?reason=all";
    assert_eq!(fleet.status("POST", path).await, 204);
    assert_eq!(bob.closed().await.0.as_deref(), Some("all"));
}

#[tokio::test]
async fn messages_reach_clients_of_another_instance() {
    let Some(fleet) = Fleet::start().await else {
        return;
    };
    let path = "/bothub/negotiate?negotiateVersion=1&user=ann%3Ab";
    let negotiated = ask(&fleet.second, "POST", path, &[], "").await.body;
    let token = negotiated["connectionToken"].as_str().expect("a token");
    let id = negotiated["connectionId"].as_str().expect("an id");
    let mut ann = connect(&fleet.second, &format!("/bothub?id={token}&user=ann%3Ab")).await;
    let mut bob = connect(&fleet.second, "/bothub?user=bob").await;
    // Whoever is in a call has been subscribed before.
    ann.invoke("ListBots", json!([])).await;
    bob.invoke("ListBots", json!([])).await;
    let path = format!("bothub/groups/user%3Aann/connections/{id}");
    assert_eq!(
        fleet.status("PUT", &path).await,
        200,
        "joined across instances"
    );
    let path = "bothub/groups/user%3Aann/connections/nobody";
    assert_eq!(fleet.status("PUT", path).await, 404);
    let send = async |path: &str, target: &str| {
        let body = json!({"target": target, "arguments": [path]}).to_string();
        let path = format!("/api/hubs/bothub/{path}");
        let answer = ask(&fleet.first, "POST", &path, &[JSON], &body).await;
        assert_eq!(answer.status(), 202, "{path}");
    };
    let to_one = format!("connections/{id}/:send");
    let to_ann = [
        "users/ann%3Ab/:send",
        "groups/user%3Aann/:send",
        to_one.as_str(),
        ":send",
    ];
    for path in to_ann {
        send(path, "Said").await;
        assert_eq!(ann.next_call("Said").await, json!([path]));
    }
    assert_eq!(
        bob.next_call("Said").await,
        json!([":send"]),
        "only what was for all"
    );
    let path = format!(":send?excluded={id}");
    send(&path, "Said").await;
    send(":send", "End").await;
    assert_eq!(bob.next_call("Said").await, json!([path]));
    match ann.next().await {
        Received::Message(next) => assert_eq!(next["target"], "End", "{next}"),
        closed => panic!("{closed:?}"),
    }
}

#[tokio::test]
async fn what_cannot_be_known_without_redis_is_no_plain_no() {
    let Some(mut fleet) = Fleet::start().await else {
        return;
    };
    let _ann = connect(&fleet.first, "/bothub?user=ann").await;
    fleet.redis.kill();
    let lost = async {
        while fleet.status("HEAD", "bothub/users/bob").await != 503 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within(LIMIT, "the loss is noticed", lost)
        .await
        .expect("it is");
    assert_eq!(
        fleet.status("HEAD", "bothub/users/ann").await,
        200,
        "she is here"
    );
    let path = "/api/hubs/bothub/users/bob";
    let answer = ask(&fleet.first, "GET", path, &[], "").await;
    assert_eq!(answer.refusal(), (503, "store_unavailable"));
    fleet.redis.restart().await;
    let found = async {
        while fleet.status("HEAD", "bothub/users/bob").await != 404 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within(LIMIT, "the others are asked again", found)
        .await
        .expect("they are");
}

#[tokio::test]
async fn a_users_quota_is_one_over_all_instances() {
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    let address = redis.address();
    let settings = [
        ("ConnectionStrings__Redis", address.as_str()),
        ("Authentication__Jwt__Secret", SECRET),
        ("Storage__Path", ""),
        ("Limits__CallsPerSecondPerUser", "40"),
    ];
    let instances = [Program::start(&settings), Program::start(&settings)];
    let claims = json!({"sub": "ann", "roles": ["viewer"], "exp": seconds_from_now(600)});
    let authorization = bearer(&sign(&claims, SECRET));
    let headers = [("Authorization", authorization.as_str())];
    // Each instance by itself would let this pace through for ever: it is below its own quota.
    let pace = std::time::Duration::from_millis(1000 / 30);
    let held_back = async {
        loop {
            for instance in &instances {
                let answer = ask(instance, "GET", "/api/v1/bots", &headers, "").await;
                if answer.status() != 200 {
                    return answer;
                }
            }
            tokio::time::sleep(pace).await;
        }
    };
    let held_back = within(LIMIT, "the fleet's quota is used up", held_back).await;
    let answer = held_back.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(answer.refusal(), (429, "rate_limited"));
}
