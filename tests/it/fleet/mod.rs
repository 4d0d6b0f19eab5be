//! Several instances that meet in one Redis, with clients that spread their requests over all of
//! them, as a load balancer without sticky sessions does.

mod claims;
pub mod clients;
mod spread;

use std::net::SocketAddr;

use crate::support::{redis::RedisServer, server::Server};

/// A fleet of conformance servers.
struct Cluster {
    /// Lives as long as the instances do.
    _redis: RedisServer,
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
        Some(Self {
            _redis: redis,
            instances,
        })
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.instances.iter().map(Server::address).collect()
    }

    fn address(&self, index: usize) -> SocketAddr {
        self.instances[index].address()
    }
}
