//! What an operator reads and sees of the program's Redis.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json;

use super::process::Program;
use crate::support::{
    http::{self, Request},
    hub_client::HubClient,
    redis::RedisServer,
    turn, within,
};

const LIMIT: Duration = Duration::from_secs(20);

fn wait_for_redis(program: &Program, state: &str) {
    let begin = Instant::now();
    let wanted = format!(r#""redis":"{state}""#);
    loop {
        let (status, body) = program.get("/health/ready");
        assert_eq!(status, 200, "{body}");
        if body.contains(&wanted) {
            return;
        }
        assert!(begin.elapsed() < LIMIT, "{body} instead of {state}");
        sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn it_joins_a_redis_that_comes_late_survives_its_death_and_says_all_of_it() {
    let _turn = turn::beside_others();
    let Some(mut server) = RedisServer::absent(&["--requirepass", "s3cret"]) else {
        return;
    };
    let string = format!("{},password=s3cret,channelPrefix=it:", server.address());
    let program = Program::start(&[
        ("APP_ENVIRONMENT", "Development"),
        ("ConnectionStrings__Redis", &string),
    ]);
    wait_for_redis(&program, "unreachable");
    let begin = Instant::now();
    while program
        .get("/metrics")
        .1
        .contains("redis_connection_failures_total 0\n")
    {
        assert!(begin.elapsed() < LIMIT, "the attempt does not fail");
        sleep(Duration::from_millis(20));
    }
    server.restart().await;
    wait_for_redis(&program, "connected");
    let (_, metrics) = program.get("/metrics");
    assert!(metrics.contains("redis_up 1"), "{metrics}");
    server.kill();
    wait_for_redis(&program, "unreachable");
    assert!(program.get("/metrics").1.contains("redis_up 0"));
    server.restart().await;
    wait_for_redis(&program, "connected");
    let log = program.stop();
    for line in [
        &format!(
            "✅ Configuring SignalR with Redis backplane: {},password=*****",
            server.address()
        ),
        "⚠️ Failed to configure SignalR Redis backplane: ",
        "SignalR will work in single-instance mode only",
        "✅ Redis connection established successfully",
        "⚠️ The connection to Redis is lost (",
    ] {
        assert!(log.contains(line), "{line} in {log}");
    }
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn a_second_fleet_behind_the_same_channels_is_told() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let address = server.address();
    let start = |fleet: &str| {
        let program = Program::start(&[
            ("APP_ENVIRONMENT", "Development"),
            ("ConnectionStrings__Redis", &address),
            ("Fleet__Name", fleet),
        ]);
        wait_for_redis(&program, "connected");
        program
    };
    let first = start("one");
    // Its name is in Redis with the first look at the others.
    let begin = Instant::now();
    while server.ask(&["ZSCORE managing-api:fleets one"]).await[0] == "$-1" {
        assert!(begin.elapsed() < LIMIT, "the fleet is not reported");
        sleep(Duration::from_millis(20));
    }
    let second = start("two");
    while server.ask(&["ZSCORE managing-api:fleets two"]).await[0] == "$-1" {
        assert!(begin.elapsed() < 2 * LIMIT, "the fleet is not reported");
        sleep(Duration::from_millis(20));
    }
    let log = second.stop();
    assert!(
        log.contains("⚠️ Another fleet uses the same Redis and channelPrefix"),
        "{log}"
    );
    assert!(log.contains("others=\"one\""), "{log}");
    assert!(
        !first.stop().contains("Another fleet"),
        "the first was alone at its start"
    );
}

/// What a service sends through one instance reaches the clients of all; and those of its own also
/// while Redis is away.
#[tokio::test]
async fn a_message_reaches_the_clients_of_every_instance() {
    let _turn = turn::beside_others();
    let Some(mut server) = RedisServer::start(&[]).await else {
        return;
    };
    let string = server.address();
    let start = || {
        Program::start(&[
            ("APP_ENVIRONMENT", "Development"),
            ("ConnectionStrings__Redis", &string),
        ])
    };
    let programs = [start(), start()];
    for program in &programs {
        wait_for_redis(program, "connected");
    }
    let mut here = HubClient::connect_to(programs[0].address(), "/bothub?user=ann").await;
    let mut there = HubClient::connect_to(programs[1].address(), "/bothub?user=bob").await;
    send(&programs[0], "both").await;
    assert_eq!(here.next_call("Said").await, json!(["both"]));
    assert_eq!(there.next_call("Said").await, json!(["both"]));

    server.kill();
    wait_for_redis(&programs[0], "unreachable");
    send(&programs[0], "later to others").await;
    assert_eq!(here.next_call("Said").await, json!(["later to others"]));
    server.restart().await;
    for program in &programs {
        wait_for_redis(program, "connected");
    }
    send(&programs[0], "again").await;
    assert_eq!(here.next_call("Said").await, json!(["again"]));
    // What waited for Redis comes before, if the other instance was back in time to receive it.
    let received = within(LIMIT, "the message", async {
        let said = there.next_call("Said").await;
        if said == json!(["later to others"]) {
            there.next_call("Said").await
        } else {
            said
        }
    });
    assert_eq!(received.await, Ok(json!(["again"])));
}

async fn send(program: &Program, text: &str) {
    let body = json!({"target": "Said", "arguments": [text]}).to_string();
    let request = Request::new("POST", "/api/hubs/bothub/:send")
        .header("Content-Type", "application/json")
        .body(body.into_bytes());
    let answer = http::send(program.address(), &request).await;
    assert_eq!(answer.expect("is answered").head.status, 202);
}
