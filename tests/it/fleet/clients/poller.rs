//! A client of long polling.

use std::collections::VecDeque;

use serde_json::Value;

use super::{Message, Protocol, Spread, ask, negotiate};
use crate::support::http::{Request, Response};

/// Polls and posts, each at the next instance.
pub struct Poller {
    pub spread: Spread,
    pub token: String,
    protocol: Protocol,
    inbox: VecDeque<Message>,
    last_id: u64,
}

impl Poller {
    /// Negotiates, polls for the first time and shakes hands, each at another instance.
    pub async fn connect(mut spread: Spread, protocol: Protocol) -> Self {
        let token = negotiate(spread.next(), "negotiateVersion=1").await;
        Self::connect_with(spread, protocol, token).await
    }

    /// The same with a token, or with an id of version 0.
    pub async fn connect_with(spread: Spread, protocol: Protocol, token: String) -> Self {
        let mut poller = Self::new(spread, protocol, token);
        let first = poller.poll().await;
        assert_eq!(
            (first.head.status, first.body.len()),
            (200, 0),
            "the first poll"
        );
        poller.post(&protocol.handshake()).await;
        let answer = poller.poll().await;
        assert_eq!(
            (answer.head.status, &*answer.body),
            (200, &b"{}\x1e"[..]),
            "the handshake"
        );
        poller
    }

    /// One that has not polled yet.
    pub fn new(spread: Spread, protocol: Protocol, token: String) -> Self {
        Self {
            spread,
            token,
            protocol,
            inbox: VecDeque::new(),
            last_id: 0,
        }
    }

    pub fn path(&self) -> String {
        format!("/conformance?id={}", self.token)
    }

    /// One poll, at the next instance.
    pub async fn poll(&mut self) -> Response {
        let address = self.spread.next();
        ask(address, &Request::new("GET", self.path())).await
    }

    /// One post, at the next instance.
    pub async fn post(&mut self, bytes: &[u8]) {
        let address = self.spread.next();
        let answer = ask(address, &Request::new("POST", self.path()).body(bytes)).await;
        assert_eq!(answer.head.status, 200, "a post to {address}");
    }

    /// Calls a method without waiting.
    pub async fn send(&mut self, target: &str, arguments: Value) {
        let message = self.protocol.invocation(None, target, &arguments);
        self.post(&message).await;
    }

    /// Calls a method and polls until its result is there.
    pub async fn call(&mut self, target: &str, arguments: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id.to_string();
        let message = self.protocol.invocation(Some(&id), target, &arguments);
        self.post(&message).await;
        let mut others = VecDeque::new();
        loop {
            match self.next().await {
                Message::Completion { id: done, result } if done == id => {
                    others.append(&mut self.inbox);
                    self.inbox = others;
                    return result;
                }
                Message::Close { .. } => panic!("closed while calling {target}"),
                other => others.push_back(other),
            }
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Message {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return message;
            }
            let answer = self.poll().await;
            assert_eq!(answer.head.status, 200, "a poll");
            self.take_in(&answer.body);
        }
    }

    /// What came in a poll's answer.
    pub fn take_in(&mut self, body: &[u8]) {
        self.inbox.extend(self.protocol.read(body));
    }
}
