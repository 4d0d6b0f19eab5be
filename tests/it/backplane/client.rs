//! A client of the conformance hub in either protocol. It collects what it is sent, answers
//! questions as told, and calls methods.

use std::{collections::VecDeque, net::SocketAddr};

use serde_json::{Value, json};

use crate::{
    fleet::clients::Protocol,
    support::{
        hub_client::{PATIENCE, open_socket},
        websocket::{Incoming, Receiver, Sender},
        within,
    },
};

/// Both protocols, for tests that must hold in each.
pub const BOTH: [Protocol; 2] = [Protocol::Json, Protocol::MessagePack];

/// One message of the server, as an array in MessagePack's order of elements.
type Message = Value;

pub struct Client {
    /// The public id.
    pub id: String,
    protocol: Protocol,
    sender: Sender,
    receiver: Receiver,
    waiting: VecDeque<Message>,
    last_call: u64,
}

impl Client {
    /// Connects without negotiating. `query` is like `user=ada`, or empty.
    pub async fn connect(address: SocketAddr, protocol: Protocol, query: &str) -> Self {
        let (sender, receiver) = open_socket(address, &format!("/conformance?{query}")).await;
        let mut client = Self {
            id: String::new(),
            protocol,
            sender,
            receiver,
            waiting: VecDeque::new(),
            last_call: 0,
        };
        client.write(&protocol.handshake()).await;
        let answer = client.read().await.expect("an answer to the handshake");
        assert_eq!(answer, b"{}\x1e", "the handshake");
        let id = client.call("ConnectionId", json!([])).await;
        client.id = id.expect("an id").as_str().expect("text").to_owned();
        client
    }

    /// One client of each protocol.
    pub async fn pair(address: SocketAddr, query: &str) -> [Self; 2] {
        let [json, messagepack] = BOTH;
        [
            Self::connect(address, json, query).await,
            Self::connect(address, messagepack, query).await,
        ]
    }

    /// Calls a method that must succeed.
    pub async fn done(&mut self, target: &str, arguments: Value) -> Value {
        let answer = self.call(target, arguments).await;
        answer.unwrap_or_else(|error| panic!("{target}: {error}"))
    }

    /// Calls a method: its result or its error.
    pub async fn call(&mut self, target: &str, arguments: Value) -> Result<Value, String> {
        let call = self.begin(target, arguments).await;
        self.end(&call).await
    }

    /// Calls a method and does not wait.
    pub async fn begin(&mut self, target: &str, arguments: Value) -> String {
        self.last_call += 1;
        let call = self.last_call.to_string();
        let bytes = self.protocol.invocation(Some(&call), target, &arguments);
        self.write(&bytes).await;
        call
    }

    /// The outcome of a call that was begun.
    pub async fn end(&mut self, call: &str) -> Result<Value, String> {
        let is_answer = |message: &Message| message[0] == 3 && message[2] == call;
        let message = self.take("an answer", is_answer).await;
        match message[3].as_i64() {
            Some(1) => Err(message[4].as_str().unwrap_or_default().to_owned()),
            _ => Ok(message[4].clone()),
        }
    }

    /// The next text that was sent to it.
    pub async fn text(&mut self) -> String {
        let is_text = |message: &Message| message[0] == 1 && message[3] == "Message";
        let message = self.take("a message", is_text).await;
        message[4][0].as_str().expect("a text").to_owned()
    }

    /// All texts up to the one that ends so on each of the channels, sorted.
    pub async fn texts_until(&mut self, ends: &[&str]) -> Vec<String> {
        let mut texts = Vec::new();
        while !ends.iter().all(|end| texts.iter().any(|text| text == end)) {
            texts.push(self.text().await);
        }
        texts.retain(|text| !ends.contains(&&**text));
        texts.sort();
        texts
    }

    /// The next question: its invocation id and its text.
    pub async fn question(&mut self) -> (String, String) {
        let is_question = |message: &Message| message[0] == 1 && message[3] == "Answer";
        let message = self.take("a question", is_question).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&message[2]), text(&message[4][0]))
    }

    /// Answers a question.
    pub async fn answer(&mut self, id: &str, result: Result<&str, &str>) {
        let bytes = match (self.protocol, result) {
            (Protocol::Json, Ok(value)) => {
                record(&json!({"type": 3, "invocationId": id, "result": value}))
            }
            (Protocol::Json, Err(error)) => {
                record(&json!({"type": 3, "invocationId": id, "error": error}))
            }
            (Protocol::MessagePack, Ok(value)) => frame(&json!([3, {}, id, 3, value])),
            (Protocol::MessagePack, Err(error)) => frame(&json!([3, {}, id, 1, error])),
        };
        self.write(&bytes).await;
    }

    /// The close code.
    pub async fn closed(mut self) -> u16 {
        let end = async {
            loop {
                if let Incoming::Closed { code, .. } = self.receiver.next().await {
                    return code;
                }
            }
        };
        within(PATIENCE, "the server closes", end).await.unwrap()
    }

    /// Fails if the connection has ended.
    pub async fn assert_open(&mut self) {
        assert_eq!(self.done("Echo", json!(["open"])).await, "open");
    }

    async fn take(&mut self, what: &str, is_it: impl Fn(&Message) -> bool) -> Message {
        let taking = async {
            loop {
                if let Some(place) = self.waiting.iter().position(&is_it) {
                    return self.waiting.remove(place).expect("it is there");
                }
                let bytes = self.read().await;
                let bytes =
                    bytes.unwrap_or_else(|code| panic!("closed with {code}, expected {what}"));
                self.waiting.extend(messages(self.protocol, &bytes));
            }
        };
        within(PATIENCE, what, taking).await.unwrap()
    }

    async fn read(&mut self) -> Result<Vec<u8>, u16> {
        loop {
            match self.receiver.next().await {
                Incoming::Message { bytes, .. } => return Ok(bytes.to_vec()),
                Incoming::Pong => {}
                Incoming::Closed { code, .. } => return Err(code),
            }
        }
    }

    async fn write(&self, bytes: &[u8]) {
        let binary = self.protocol == Protocol::MessagePack;
        let written = self.sender.message(binary, bytes).await;
        written.expect("the socket is open");
    }
}

fn record(value: &Value) -> Vec<u8> {
    format!("{value}\x1e").into_bytes()
}

/// Bodies of less than 128 bytes have a prefix of one byte.
fn frame(value: &Value) -> Vec<u8> {
    let body = rmp_serde::to_vec(value).expect("can be written");
    assert!(body.len() < 0x80);
    [&[body.len() as u8], &body[..]].concat()
}

fn messages(protocol: Protocol, bytes: &[u8]) -> Vec<Message> {
    match protocol {
        Protocol::Json => {
            let records = bytes
                .split(|byte| *byte == 0x1e)
                .filter(|it| !it.is_empty());
            let values = records.map(|it| serde_json::from_slice(it).expect("JSON"));
            values.map(|value: Value| as_array(&value)).collect()
        }
        Protocol::MessagePack => crate::fleet::clients::bodies(bytes),
    }
}

fn as_array(message: &Value) -> Message {
    let (kind, id) = (&message["type"], &message["invocationId"]);
    match (kind.as_i64(), message.get("error")) {
        (Some(1), _) => json!([1, {}, id, message["target"], message["arguments"], []]),
        (Some(3), Some(error)) => json!([3, {}, id, 1, error]),
        (Some(3), None) => json!([3, {}, id, 3, message["result"]]),
        _ => json!([kind]),
    }
}
