//! Clients of event streams and polls that send each request to another instance.

mod listener;
mod poller;
mod protocol;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::Value;

pub use self::{
    listener::Listener,
    poller::Poller,
    protocol::{Message, Protocol, bodies},
};
use crate::support::{
    http::{self, Request, Response},
    hub_client::PATIENCE,
    within,
};

/// Instances, each asked in its turn.
#[derive(Clone)]
pub struct Spread {
    addresses: Vec<SocketAddr>,
    next: usize,
}

impl Spread {
    pub fn over(addresses: Vec<SocketAddr>) -> Self {
        Self { addresses, next: 0 }
    }

    pub fn next(&mut self) -> SocketAddr {
        self.next += 1;
        self.addresses[(self.next - 1) % self.addresses.len()]
    }
}

/// One request and its answer.
pub async fn ask(address: SocketAddr, request: &Request) -> Response {
    let answer = within(PATIENCE, "no answer", http::send(address, request)).await;
    answer.expect("in time").expect("an answer")
}

/// Status of an answer, and how long it took.
pub async fn status(address: SocketAddr, method: &str, path: &str) -> (u16, Duration) {
    let began = Instant::now();
    let answer = ask(address, &Request::new(method, path)).await;
    (answer.head.status, began.elapsed())
}

/// Negotiates with any version; gives what the client puts into `id`.
pub async fn negotiate(address: SocketAddr, query: &str) -> String {
    let path = format!("/conformance/negotiate?{query}");
    let answer = ask(address, &Request::new("POST", path)).await;
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let id = body["connectionToken"]
        .as_str()
        .or(body["connectionId"].as_str());
    id.expect("an id").to_owned()
}
