//! Networks between an instance and its Redis, and a primary that moves.

use std::{net::SocketAddr, time::Duration};

use managing_api::redis::{Deployment, Options, RedisService, Sentinels, State};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{assert_flows, assert_rejoined, is_down, options, wait_for};
use crate::support::{Task, redis::RedisServer, turn};

/// A TCP proxy whose bytes can be held back without closing anything.
struct Proxy {
    address: SocketAddr,
    open: watch::Sender<bool>,
    _accepting: Task,
}

impl Proxy {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (open, is_open) = watch::channel(true);
        let accepting = Task::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let is_open = is_open.clone();
                // Ends with its sockets, when the test's runtime does at the latest.
                tokio::spawn(carry(client, port, is_open));
            }
        });
        Self {
            address,
            open,
            _accepting: accepting,
        }
    }
}

/// Carries bytes while the proxy is open. What was held back is lost with its connection, as in a
/// network that drops packets for long.
async fn carry(mut client: TcpStream, port: u16, mut is_open: watch::Receiver<bool>) {
    if is_open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let was_held = tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => false,
        _ = is_open.wait_for(|open| !*open) => true,
    };
    if was_held {
        // Neither side learns of the other's end.
        let _ = is_open.wait_for(|open| *open).await;
    }
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_noticed_and_joined_when_it_is_back() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let proxy = Proxy::to(server.port()).await;
    let service = RedisService::start(Options::server("127.0.0.1", proxy.address.port()));
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    wait_for(&service, "up", State::is_up).await;
    subscriber.subscribe(vec!["news".to_owned()]).await;
    proxy.open.send_replace(false);
    let state = wait_for(&service, "down", is_down).await;
    assert_eq!(state.to_string(), "unreachable: does not answer");
    proxy.open.send_replace(true);
    let answering = tokio::time::Instant::now();
    wait_for(&service, "up", State::is_up).await;
    assert_rejoined(answering);
    assert_flows(&service, "news", &mut receiver).await;
}

#[tokio::test]
async fn of_several_servers_the_primary_is_used() {
    let _turn = turn::beside_others();
    let Some(primary) = RedisServer::start(&[]).await else {
        return;
    };
    let port = primary.port().to_string();
    let Some(replica) = RedisServer::start(&["--replicaof", "127.0.0.1", &port]).await else {
        return;
    };
    let hosts = [replica.port(), primary.port()].map(|port| ("127.0.0.1".to_owned(), port));
    let service = RedisService::start(Options {
        deployment: Deployment::Servers(hosts.to_vec()),
        ..options(&primary)
    });
    wait_for(&service, "up", State::is_up).await;
    let set = service.command("SET", vec!["x".into(), "1".into()]);
    assert!(set.await.is_ok());

    // The roles change.
    replica.ask(&["REPLICAOF NO ONE"]).await;
    let new_port = replica.port().to_string();
    primary
        .ask(&[&format!("REPLICAOF 127.0.0.1 {new_port}")])
        .await;
    let written = async {
        while service
            .command("SET", vec!["x".into(), "2".into()])
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    crate::support::within(super::LIMIT, "the new primary is written to", written)
        .await
        .expect("within the limit");
    assert_eq!(replica.ask(&["GET x"]).await[1], "2");
}

#[tokio::test]
async fn a_failover_of_sentinels_is_followed() {
    let _turn = turn::beside_others();
    let Some(mut primary) = RedisServer::start(&[]).await else {
        return;
    };
    let port = primary.port().to_string();
    let Some(_replica) = RedisServer::start(&["--replicaof", "127.0.0.1", &port]).await else {
        return;
    };
    let sentinel = RedisServer::sentinel("mymaster", primary.port()).await;
    let service = RedisService::start(Options {
        deployment: Deployment::Sentinels(Sentinels {
            hosts: vec![("127.0.0.1".to_owned(), sentinel.port())],
            service_name: "mymaster".to_owned(),
            user: None,
            password: None,
        }),
        ..options(&primary)
    });
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    wait_for(&service, "up", State::is_up).await;
    subscriber.subscribe(vec!["news".to_owned()]).await;
    let known = async {
        while !sentinel
            .ask(&["SENTINEL MASTER mymaster"])
            .await
            .join(" ")
            .contains("num-slaves $1 1")
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    crate::support::within(super::LIMIT, "the sentinel knows the replica", known)
        .await
        .expect("within the limit");
    primary.kill();
    wait_for(&service, "down", is_down).await;
    wait_for(&service, "up", State::is_up).await;
    assert_flows(&service, "news", &mut receiver).await;
}
