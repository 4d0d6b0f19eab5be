//! A cluster: named as one, or found out; of one node, and of several.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use managing_api::redis::{Deployment, InstanceId, Instances, Options, RedisService, State};
use serde_json::json;

use super::{LIMIT, assert_flows, options, wait_for};
use crate::support::{redis::RedisServer, server::free_address, turn, within};

/// A node; alone it does not know its address.
async fn node() -> Option<RedisServer> {
    let bus = free_address().port().to_string();
    let arguments = [
        ["--cluster-enabled", "yes"],
        ["--cluster-announce-ip", "127.0.0.1"],
        ["--cluster-port", &bus],
    ];
    RedisServer::start(arguments.as_flattened()).await
}

/// Waits until a node answers `command` with this line.
async fn until(node: &RedisServer, command: &str, line: &str) {
    let reached = async {
        while !node.ask(&[command]).await.iter().any(|it| it == line) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(LIMIT, line, reached)
        .await
        .expect("within the limit");
}

/// Who is at one node neither hears nor counts who is at another.
#[tokio::test]
async fn the_instances_of_a_fleet_meet_at_one_node_of_a_cluster() {
    let _turn = turn::beside_others();
    let (Some(a), Some(b), Some(c)) = (node().await, node().await, node().await) else {
        return;
    };
    for (node, slots) in [(&a, "0 5460"), (&b, "5461 10922"), (&c, "10923 16383")] {
        node.ask(&[&format!("CLUSTER ADDSLOTSRANGE {slots}")]).await;
    }
    for node in [&b, &c] {
        let told = node.ask(&["CONFIG GET cluster-port"]).await;
        // Name and value, each after its length.
        let bus = told
            .iter()
            .skip_while(|line| *line != "cluster-port")
            .nth(2)
            .expect("a port");
        a.ask(&[&format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port())])
            .await;
    }
    for node in [&a, &b, &c] {
        until(node, "CLUSTER INFO", "cluster_known_nodes:3").await;
        until(node, "CLUSTER INFO", "cluster_state:ok").await;
    }
    let mut fleet = Vec::new();
    for number in 0..6 {
        let service = RedisService::start(Options {
            deployment: Deployment::Cluster(vec![("127.0.0.1".to_owned(), b.port())]),
            ..options(&a)
        });
        wait_for(&service, "up", State::is_up).await;
        let id = InstanceId::new(&format!("instance {number}"));
        let instance = Instances::start(&service, id, || json!({}));
        instance.serve("echo", |_, body| async move { body }.boxed());
        fleet.push((service, instance));
    }
    let question = Bytes::from_static(b"hello");
    let (_, first) = &fleet[0];
    for (_, other) in &fleet {
        let answered = async {
            while first
                .call(other.id(), "echo", question.clone(), LIMIT)
                .await
                != Ok(question.clone())
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within(LIMIT, "an answer", answered)
            .await
            .expect("within the limit");
    }
}

#[tokio::test]
async fn a_cluster_is_used_whether_it_was_named_as_one_or_not() {
    let _turn = turn::beside_others();
    let Some(server) = node().await else {
        return;
    };
    server.ask(&["CLUSTER ADDSLOTSRANGE 0 16383"]).await;
    until(&server, "CLUSTER INFO", "cluster_state:ok").await;
    let host = ("127.0.0.1".to_owned(), server.port());
    for deployment in [
        Deployment::Servers(vec![host.clone()]),
        Deployment::Cluster(vec![host]),
    ] {
        let service = RedisService::start(Options {
            deployment,
            ..options(&server)
        });
        let (subscriber, mut receiver) = service.pub_sub().subscriber();
        wait_for(&service, "up", State::is_up).await;
        subscriber.subscribe(vec!["news".to_owned()]).await;
        assert_flows(&service, "news", &mut receiver).await;
        let set = service.command("SET", vec![service.key("x").into(), "1".into()]);
        assert!(set.await.is_ok());
    }
}
