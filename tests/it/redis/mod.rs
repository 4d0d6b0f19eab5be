//! The Redis service against a real `redis-server` child: what its users rely on, and every way in
//! which a Redis can fail.

mod cache;
mod cluster;
mod faults;
mod instances;
mod load;
mod network;
mod pub_sub;
mod refusals;
mod secure;

use std::time::Duration;

use bytes::Bytes;
use managing_api::redis::{Options, Received, Receiver, RedisService, State};
use tokio::time::Instant;

use crate::support::{redis::RedisServer, soaking, within};

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

/// From Redis answering to everything subscribed: two seconds are promised, `SOAK=1` insists on
/// them; a machine that runs other things besides gets more.
fn assert_rejoined(answering: Instant) {
    let limit = Duration::from_secs(if soaking() { 2 } else { 6 });
    let took = answering.elapsed();
    assert!(took < limit, "took {took:?}");
}

fn is_down(state: &State) -> bool {
    matches!(state, State::Down { .. })
}

/// What is published on `channel` arrives, once and as the next message.
async fn assert_flows(service: &RedisService, channel: &str, receiver: &mut Receiver) {
    let payload = Bytes::from_static(b"\x92flows");
    let receivers = service.pub_sub().publish(channel, payload.clone()).await;
    assert_eq!(receivers, Ok(1));
    let received = within(LIMIT, "a message", receiver.recv()).await;
    let channel = channel.into();
    assert_eq!(received, Ok(Some(Received::Message { channel, payload })));
}
