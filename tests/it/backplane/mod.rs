//! What holds between instances. Each promise is written once ([`promises`]) and kept by one
//! instance, by two over a real Redis, and by one of ours with one of ASP.NET Core, in both
//! directions; [`outages`] and [`traffic`] are about Redis itself, [`program`] about the hubs of the program.
//!
//! The reference server comes from the environment variable `REFERENCE_SERVER`, a command that gets
//! `PORT` and `REDIS`; without it those tests say that they are skipped.

mod client;
mod outages;
mod program;
mod promises;
mod traffic;

use std::{net::SocketAddr, time::Duration};

use crate::support::{
    hub_client::PATIENCE,
    redis::RedisServer,
    server::Server,
    turn::{self, Shared},
    within,
};

/// What every server is started with: detailed errors, and calls beside each other.
const OPTIONS: [(&str, &str); 2] = [("DETAILED", "1"), ("PARALLEL", "8")];

/// The channel that every instance listens to.
const ALL: &str = "Managing.Api.Hubs.ConformanceHub:all";

/// Two instances, or one that is both.
struct Fleet {
    a: SocketAddr,
    b: SocketAddr,
    servers: Vec<Server>,
    redis: Option<RedisServer>,
    _turn: Shared,
}

impl Fleet {
    /// One instance.
    fn alone() -> Option<Self> {
        Some(Self::of(vec![Server::with(&OPTIONS)], None))
    }

    /// Two instances on one Redis. None: there is no Redis.
    async fn over_redis() -> Option<Self> {
        Self::over_redis_with(&[]).await
    }

    /// The same with more options.
    async fn over_redis_with(more: &[(&str, &str)]) -> Option<Self> {
        let redis = RedisServer::start(&[]).await?;
        let address = redis.address();
        let options = [&OPTIONS, more, &[("REDIS", &*address)]].concat();
        let servers = vec![Server::with(&options), Server::with(&options)];
        Some(Self::of(servers, Some(redis)).complete().await)
    }

    /// Two instances whose Redis is not running.
    async fn without_redis_yet() -> Option<Self> {
        let redis = RedisServer::absent(&[])?;
        let address = redis.address();
        let options = [&OPTIONS[..], &[("REDIS", &*address)]].concat();
        let servers = vec![Server::with(&options), Server::with(&options)];
        Some(Self::of(servers, Some(redis)))
    }

    /// One of ours and one of the reference. None: one of the parts is missing here.
    async fn mixed(ours_is_a: bool) -> Option<Self> {
        let redis = RedisServer::start(&[]).await?;
        let address = redis.address();
        let options = [&OPTIONS[..], &[("REDIS", &*address)]].concat();
        let mut servers = vec![Server::reference(&options)?, Server::with(&options)];
        if ours_is_a {
            servers.reverse();
        }
        Some(Self::of(servers, Some(redis)).complete().await)
    }

    fn of(servers: Vec<Server>, redis: Option<RedisServer>) -> Self {
        Self {
            a: servers[0].address(),
            b: servers[servers.len() - 1].address(),
            servers,
            redis,
            _turn: turn::beside_others(),
        }
    }

    /// Waits until every instance listens to the others.
    async fn complete(mut self) -> Self {
        let count = format!(":{}", self.servers.len());
        let complete = async {
            let question = format!("PUBSUB NUMSUB {ALL}");
            while self.redis().ask(&[&question]).await.get(3) != Some(&count) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within(PATIENCE, "the fleet is complete", complete)
            .await
            .unwrap();
        self
    }

    fn redis(&mut self) -> &mut RedisServer {
        self.redis.as_mut().expect("a fleet over Redis")
    }
}
