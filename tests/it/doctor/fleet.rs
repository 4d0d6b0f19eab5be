//! Faults between instances, and between them and .NET servers, that share one Redis.

use std::time::Duration;

use tokio::{io::AsyncReadExt as _, io::AsyncWriteExt as _, net::TcpStream};

use super::{assert_says, examine};
use crate::{
    program::process::Program,
    support::{redis::RedisServer, within},
};

const LIMIT: Duration = Duration::from_secs(30);

/// A running instance of the fleet `blue` that Redis knows of.
async fn blue(redis: &RedisServer) -> Program {
    let address = redis.address();
    let start = move || {
        let variables = [
            ("APP_ENVIRONMENT", "Development"),
            ("ConnectionStrings__Redis", address.as_str()),
            ("Fleet__Name", "blue"),
            ("SignalR__TokenKey", "the key of the blue fleet"),
        ];
        Program::start(&variables)
    };
    let program = tokio::task::spawn_blocking(start).await.expect("it starts");
    let known = async {
        let commands = [
            "ZCARD managing-api:fleets",
            "HLEN managing-api:{blue}:instances:about",
        ];
        while redis.ask(&commands).await[..2] != [":1", ":1"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(LIMIT, "the fleet is known", known)
        .await
        .expect("in time");
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_fleets_behind_the_same_channels_are_found() {
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    let _blue = blue(&redis).await;
    let address = redis.address();
    let green = [
        ("ConnectionStrings__Redis", address.as_str()),
        ("Fleet__Name", "green"),
    ];
    let (text, is_good) = examine(&[], &green).await;
    assert!(!is_good, "{text}");
    assert_says(
        &text,
        &[
            "❌ fleet: blue uses this Redis and prefix beside green",
            "Fleet:Name",
            "channelPrefix=",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_with_different_keys_are_found() {
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    let _blue = blue(&redis).await;
    let address = redis.address();
    let settings = |key: &'static str| {
        [
            ("ConnectionStrings__Redis", address.clone()),
            ("Fleet__Name", "blue".to_owned()),
            ("SignalR__TokenKey", key.to_owned()),
        ]
    };
    for (key, is_one_fleet) in [("the key of the blue fleet", true), ("another key", false)] {
        let settings = settings(key);
        let settings = settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let (text, is_good) = examine(&[], &settings).await;
        assert_eq!(is_good, is_one_fleet, "{text}");
        assert_says(&text, &["fleet: blue has 1 running, version"]);
        if !is_one_fleet {
            assert_says(&text, &["with different keys", "the same SignalR:TokenKey"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_type_name_other_than_dot_nets_is_found() {
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    // As a .NET server whose hub class is in another namespace.
    let mut dot_net = TcpStream::connect(redis.address()).await.expect("listens");
    dot_net
        .write_all(b"SUBSCRIBE Legacy.Web.LlmHub:all\r\n")
        .await
        .expect("can be sent");
    dot_net.read_u8().await.expect("is confirmed");
    let address = redis.address();
    let variable = ("ConnectionStrings__Redis", address.as_str());
    let (text, is_good) = examine(&[], &[variable]).await;
    assert!(!is_good, "{text}");
    assert_says(
        &text,
        &[
            "❌ hub type names",
            "set SignalR:Hubs:llmhub:TypeName to Legacy.Web.LlmHub",
        ],
    );
    let renamed = ("SignalR__Hubs__llmhub__TypeName", "Legacy.Web.LlmHub");
    let (text, is_good) = examine(&[], &[variable, renamed]).await;
    assert!(is_good, "{text}");
}
