//! Clients of event streams and polls that send each request to another instance.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    http::{self, Body, Head, Request, Response},
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

/// How hub messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Json,
    MessagePack,
}

impl Protocol {
    pub fn handshake(self) -> Vec<u8> {
        let name = match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
        };
        format!("{{\"protocol\":\"{name}\",\"version\":1}}\x1e").into_bytes()
    }

    pub fn invocation(self, id: Option<&str>, target: &str, arguments: &Value) -> Vec<u8> {
        match self {
            Self::Json => {
                let mut message = json!({"type": 1, "target": target, "arguments": arguments});
                if let Some(id) = id {
                    message["invocationId"] = json!(id);
                }
                format!("{message}\x1e").into_bytes()
            }
            Self::MessagePack => {
                let headers = serde_json::Map::new();
                let body = rmp_serde::to_vec(&(1, headers, id, target, arguments, [0_u8; 0]));
                let body = body.expect("can be written");
                let mut framed = Vec::new();
                let mut length = body.len();
                while length >= 0x80 {
                    framed.push(length as u8 | 0x80);
                    length >>= 7;
                }
                framed.push(length as u8);
                framed.extend(body);
                framed
            }
        }
    }

    /// Whole messages: what is called, or which call was completed with what.
    pub fn read(self, bytes: &[u8]) -> Vec<Message> {
        match self {
            Self::Json => bytes
                .split(|byte| *byte == 0x1E)
                .filter(|record| !record.is_empty())
                .map(|record| serde_json::from_slice(record).expect("JSON"))
                .filter_map(|value: Value| Message::of_json(&value))
                .collect(),
            Self::MessagePack => bodies(bytes).iter().filter_map(Message::of_array).collect(),
        }
    }
}

/// The bodies of whole MessagePack messages.
pub fn bodies(mut bytes: &[u8]) -> Vec<Value> {
    let mut bodies = Vec::new();
    while !bytes.is_empty() {
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            bytes = &bytes[1..];
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (body, rest) = bytes.split_at(length);
        bytes = rest;
        bodies.push(rmp_serde::from_slice(body).expect("MessagePack"));
    }
    bodies
}

/// What a client may get, whatever the protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Call { target: String, arguments: Value },
    Completion { id: String, result: Value },
    Close { allow_reconnect: bool },
}

impl Message {
    fn of_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        match value["type"].as_i64() {
            Some(1) => Some(Self::Call {
                target: text("target"),
                arguments: value["arguments"].clone(),
            }),
            Some(3) => Some(Self::Completion {
                id: text("invocationId"),
                result: value["result"].clone(),
            }),
            Some(7) => Some(Self::Close {
                allow_reconnect: value["allowReconnect"] == true,
            }),
            _ => None,
        }
    }

    fn of_array(value: &Value) -> Option<Self> {
        let text = |index: usize| value[index].as_str().unwrap_or_default().to_owned();
        match value[0].as_i64() {
            Some(1) => Some(Self::Call {
                target: text(3),
                arguments: value[4].clone(),
            }),
            Some(3) => Some(Self::Completion {
                id: text(2),
                result: value[4].clone(),
            }),
            Some(7) => Some(Self::Close {
                allow_reconnect: value[2] == true,
            }),
            _ => None,
        }
    }
}

/// A client of long polling.
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
        let mut poller = Self {
            spread,
            token,
            protocol,
            inbox: VecDeque::new(),
            last_id: 0,
        };
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
