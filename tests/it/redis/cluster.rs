//! A cluster, of one node: named as one, or found out.

use managing_api::redis::{Deployment, Options, RedisService, State};

use super::{LIMIT, assert_flows, options, wait_for};
use crate::support::{redis::RedisServer, turn, within};

#[tokio::test]
async fn a_cluster_is_used_whether_it_was_named_as_one_or_not() {
    let _turn = turn::beside_others();
    // A node alone does not know its address.
    let arguments = [
        "--cluster-enabled",
        "yes",
        "--cluster-announce-ip",
        "127.0.0.1",
    ];
    let Some(server) = RedisServer::start(&arguments).await else {
        return;
    };
    server.ask(&["CLUSTER ADDSLOTSRANGE 0 16383"]).await;
    let formed = async {
        while !server
            .ask(&["CLUSTER INFO"])
            .await
            .iter()
            .any(|line| line == "cluster_state:ok")
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    within(LIMIT, "the cluster is formed", formed)
        .await
        .expect("within the limit");
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
