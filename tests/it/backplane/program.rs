//! The program's own hubs on two instances.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::json;

use crate::{
    program::process::Program,
    support::{
        hub_client::{HubClient, PATIENCE},
        redis::RedisServer,
        turn, within,
    },
};

async fn tab(program: &Program) -> HubClient {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, program.port()));
    HubClient::connect_to(address, "/llmhub?user=ada").await
}

#[tokio::test]
async fn a_users_tabs_on_two_instances_hear_of_each_other() {
    let _turn = turn::beside_others();
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    let address = redis.address();
    let options = [
        ("APP_ENVIRONMENT", "Development"),
        ("ConnectionStrings__Redis", &*address),
    ];
    let programs = [Program::start(&options), Program::start(&options)];
    let complete = async {
        let question = "PUBSUB NUMSUB Managing.Api.Hubs.LlmHub:all";
        while redis
            .ask(&[question])
            .await
            .get(3)
            .is_none_or(|it| it != ":2")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(PATIENCE, "the fleet is complete", complete)
        .await
        .unwrap();

    let mut here = tab(&programs[0]).await;
    let mut there = tab(&programs[1]).await;
    there.invoke("ListModels", json!([])).await;
    let sent = json!([{"content": "Hello", "model": "builtin"}]);
    let answer = here.invoke("SendMessage", sent).await;
    let heard = there.next_call("ConversationChanged").await;
    assert_eq!(heard[0]["conversationId"], answer["conversationId"]);

    let (_, metrics) = programs[1].get("/metrics");
    let received = metrics
        .lines()
        .find_map(|line| line.strip_prefix("backplane_received_total{hub=\"llmhub\"} "));
    assert!(received.is_some_and(|count| count != "0"), "{metrics}");
}
