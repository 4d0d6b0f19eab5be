//! The Redis service against a real `redis-server` child: what its users rely on, and every way in
//! which a Redis can fail.

mod faults;
mod instances;
mod pub_sub;

use std::time::Duration;

use managing_api::redis::{Options, RedisService, State};

use crate::support::{redis::RedisServer, within};

/// Generous: a busy machine, many tests.
const LIMIT: Duration = Duration::from_secs(20);

fn options(server: &RedisServer) -> Options {
    Options::server("127.0.0.1", server.port())
}

/// A service that is connected.
async fn connected(server: &RedisServer) -> RedisService {
    let service = RedisService::start(options(server));
    wait_for(&service, "connected", State::is_up).await;
    service
}

async fn wait_for(service: &RedisService, what: &str, is_it: impl Fn(&State) -> bool) -> State {
    let mut states = service.watch();
    let reached = within(LIMIT, what, states.wait_for(|state| is_it(state))).await;
    reached
        .unwrap_or_else(|problem| panic!("{problem}, but {}", service.state()))
        .expect("the service lives")
        .clone()
}
