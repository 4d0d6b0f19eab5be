//! What the instances ask of Redis.

use std::time::Duration;

use serde_json::json;

use super::{
    Fleet,
    client::{BOTH, Client},
};
use crate::support::{redis::RedisServer, scale, within};

/// How often a command was called since the last `CONFIG RESETSTAT`.
pub async fn calls(redis: &RedisServer, command: &str) -> usize {
    let statistics = redis.ask(&["INFO commandstats"]).await;
    let line = statistics
        .iter()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    let number = line.and_then(|line| line.split(',').next());
    number.map_or(0, |number| number.parse().expect("a number"))
}

#[tokio::test]
async fn a_send_to_many_is_one_command() {
    let Some(mut fleet) = Fleet::over_redis().await else {
        return;
    };
    let mut publisher = Client::connect(fleet.a, BOTH[0], "user=ann").await;
    let mut receiver = Client::connect(fleet.b, BOTH[0], "user=ann").await;
    for member in [&mut publisher, &mut receiver] {
        member.done("Join", json!(["g"])).await;
    }
    fleet.redis().ask(&["CONFIG RESETSTAT"]).await;
    for (method, arguments) in [
        ("ToAll", json!(["1"])),
        ("ToGroup", json!(["g", "2"])),
        ("ToUser", json!(["ann", "3"])),
        ("ToConnection", json!([receiver.id, "4"])),
        ("ToConnections", json!([[publisher.id, receiver.id], "5"])),
    ] {
        publisher.done(method, arguments).await;
    }
    for text in ["1", "2", "3", "4", "5"] {
        assert_eq!(receiver.text().await, text);
    }
    // The one for itself, in the list, needs no Redis, and nothing comes twice.
    assert_eq!(calls(fleet.redis(), "publish").await, 5);
    for text in ["1", "2", "3", "5"] {
        assert_eq!(publisher.text().await, text);
    }
    publisher.done("ToAll", json!(["end"])).await;
    assert_eq!(publisher.text().await, "end");
}

#[tokio::test]
async fn many_who_connect_at_once_share_their_subscriptions_and_leave_nothing_behind() {
    let Some(mut fleet) = Fleet::over_redis().await else {
        return;
    };
    let count = scale(300, 5_000);
    fleet.redis().ask(&["CONFIG RESETSTAT"]).await;
    let address = fleet.b;
    let connecting = (0..count).map(|number| async move {
        let query = format!("user=user{number}");
        Client::connect(address, BOTH[number % 2], &query).await
    });
    let mut clients = futures_util::future::join_all(connecting).await;
    let subscribes = calls(fleet.redis(), "subscribe").await;
    assert!(
        subscribes <= count / 2,
        "{subscribes} SUBSCRIBE for {count} clients"
    );
    let mut publisher = Client::connect(fleet.a, BOTH[0], "").await;
    for (number, client) in clients.iter().enumerate() {
        let user = format!("user{number}");
        publisher.done("ToUser", json!([user, "by user"])).await;
        publisher
            .done("ToConnection", json!([client.id, "by id"]))
            .await;
    }
    for client in &mut clients {
        assert_eq!(client.text().await, "by user");
        assert_eq!(client.text().await, "by id");
    }
    drop(clients);
    drop(publisher);
    let left = async {
        loop {
            let channels = fleet.redis().ask(&["PUBSUB CHANNELS *Hub:[uc]*"]).await;
            if channels.first().is_some_and(|count| count == "*0") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_secs(30);
    within(limit, "no channel is left", left).await.unwrap();
}

#[tokio::test]
async fn what_nobody_answers_ends_with_an_error_soon() {
    let Some(mut fleet) = Fleet::over_redis().await else {
        return;
    };
    let mut caller = Client::connect(fleet.a, BOTH[0], "").await;
    let limit = Duration::from_secs(10);
    let joining = caller.call("JoinOther", json!(["nobody", "g"]));
    let error = within(limit, "an error", joining)
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        error.contains("Connection 'nobody' does not exist."),
        "{error}"
    );

    let mut asked = Client::connect(fleet.b, BOTH[0], "").await;
    let call = caller.begin("AskConnection", json!([asked.id, "?"])).await;
    asked.question().await;
    fleet.servers.pop();
    let error = within(limit, "an error", caller.end(&call))
        .await
        .unwrap()
        .unwrap_err();
    assert!(error.contains("disconnected."), "{error}");
}
