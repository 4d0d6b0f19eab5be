//! A client of an event stream.

use serde_json::{Value, json};

use super::{Protocol, Spread, ask, negotiate};
use crate::support::{
    http::{self, Body, Head, Request},
    hub_client::PATIENCE,
    within,
};

/// A client of an event stream that stays at one instance and posts to all.
pub struct Listener {
    pub spread: Spread,
    pub token: String,
    pub head: Head,
    body: Body,
    text: Vec<u8>,
    last_id: u64,
}

impl Listener {
    /// Negotiates, opens the stream and shakes hands, each at another instance.
    pub async fn connect(mut spread: Spread) -> Self {
        let token = negotiate(spread.next(), "negotiateVersion=1").await;
        let mut listener = Self::open(spread, token).await.expect("the stream opens");
        listener.post(&Protocol::Json.handshake()).await;
        let handshake = listener.next().await;
        assert_eq!(handshake, json!({}));
        listener
    }

    /// Opens the stream at the next instance; else the status of the refusal.
    pub async fn open(mut spread: Spread, token: String) -> Result<Self, u16> {
        let path = format!("/conformance?id={token}");
        let request = Request::new("GET", path).header("Accept", "text/event-stream");
        let opened = within(PATIENCE, "no stream", http::open(spread.next(), &request)).await;
        let (head, body) = opened.expect("in time").expect("an answer");
        if head.status != 200 {
            return Err(head.status);
        }
        Ok(Self {
            spread,
            token,
            head,
            body,
            text: Vec::new(),
            last_id: 0,
        })
    }

    pub async fn post(&mut self, bytes: &[u8]) {
        let request = Request::new("POST", format!("/conformance?id={}", self.token));
        let answer = ask(self.spread.next(), &request.body(bytes)).await;
        assert_eq!(answer.head.status, 200, "a post");
    }

    /// Calls a method and reads until its result is there.
    pub async fn call(&mut self, target: &str, arguments: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id.to_string();
        let message = Protocol::Json.invocation(Some(&id), target, &arguments);
        self.post(&message).await;
        loop {
            let message = self.next().await;
            if message["type"] == 3 && message["invocationId"] == *id {
                return message["result"].clone();
            }
        }
    }

    /// The next hub message.
    pub async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == 0x1E) {
                let record: Vec<u8> = self.text.drain(..=end).collect();
                let record = String::from_utf8(record).expect("text");
                let json = record
                    .trim_start_matches(['\r', '\n', ':'])
                    .trim_end_matches('\x1e');
                let json = json.strip_prefix("data: ").unwrap_or(json);
                return serde_json::from_str(json).expect("JSON");
            }
            let chunk = within(PATIENCE, "no event", self.body.chunk()).await;
            let chunk = chunk
                .expect("in time")
                .expect("readable")
                .expect("not over");
            self.text.extend(chunk);
        }
    }
}
