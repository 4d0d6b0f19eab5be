//! Several instances that meet in one Redis, with clients that spread their requests over all of
//! them, as a load balancer without sticky sessions does.

mod claims;
pub mod clients;
mod deaths;
mod operators;
mod outages;
mod spread;
mod stops;

use std::{net::SocketAddr, time::Duration};

use crate::support::{hub_client::PATIENCE, redis::RedisServer, server::Server, within};

/// A fleet of conformance servers.
struct Cluster {
    redis: RedisServer,
    instances: Vec<Server>,
}

impl Cluster {
    /// `count` instances with these options. None: Redis is not installed.
    async fn start(count: usize, options: &[(&str, &str)]) -> Option<Self> {
        let redis = RedisServer::start(&[]).await?;
        let address = redis.address();
        let mut options = options.to_vec();
        options.push(("REDIS", &address));
        let instances = (0..count).map(|_| Server::with(&options)).collect();
        Some(Self { redis, instances })
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.instances.iter().map(Server::address).collect()
    }

    fn address(&self, index: usize) -> SocketAddr {
        self.instances[index].address()
    }

    /// Waits until Redis answers a command with `answer`.
    async fn until(&self, command: &str, answer: &str) {
        let reached = async {
            while self.redis.ask(&[command]).await[0] != answer {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let reached = within(PATIENCE, command, reached).await;
        reached.unwrap_or_else(|late| panic!("{late}: not {answer}"));
    }

    /// How many messages Redis has carried.
    async fn publishes(&self) -> u64 {
        let stats = self.redis.ask(&["INFO commandstats"]).await;
        let calls = stats
            .iter()
            .find_map(|line| line.strip_prefix("cmdstat_publish:calls="));
        let calls = calls.and_then(|rest| rest.split(',').next());
        calls.map_or(0, |calls| calls.parse().expect("a number"))
    }

    /// Waits until Redis has carried so many messages.
    async fn published(&self, count: u64, what: &str) {
        let reached = async {
            while self.publishes().await < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within(PATIENCE, what, reached).await.expect("in time");
    }

    /// The only instance that the directory knows as the home of connections, once there are `count`.
    async fn owner_of_connections(&self, count: usize) -> String {
        let owners = "SMEMBERS managing-api:{default}:owners-of-connections";
        let answer = self.redis.ask(&[owners]).await;
        let mut counts = Vec::new();
        for name in answer.iter().filter(|line| line.contains('_')) {
            let key = format!("managing-api:{{default}}:connections-of:{name}");
            let connections = self.redis.ask(&[&format!("SCARD {key}")]).await;
            counts.push((name.clone(), connections[0].clone()));
        }
        let wanted = format!(":{count}");
        let owner = counts
            .iter()
            .find(|(_, connections)| *connections == wanted);
        owner.unwrap_or_else(|| panic!("{counts:?}")).0.clone()
    }
}
