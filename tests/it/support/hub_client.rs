//! A plain SignalR client over WebSockets and JSON: enough to call the conformance hub and to listen.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::http::{self, Request};
use super::websocket::{self, Incoming, Receiver, Sender, Upgrade};
use super::{Task, within};

/// Long enough for a debug build on a busy machine; no test waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What came from the server.
#[derive(Debug)]
pub enum Received {
    Message(Value),
    Closed { code: u16 },
}

pub struct HubClient {
    pub sender: Sender,
    inbox: mpsc::UnboundedReceiver<Received>,
    reader: Task<Receiver>,
    stop: oneshot::Sender<()>,
    /// What came while something else was awaited.
    waiting: VecDeque<Received>,
    last_id: u64,
}

impl HubClient {
    /// Connects without negotiating. `query` is like `user=ada&tag=t`, or empty.
    pub async fn connect(address: SocketAddr, query: &str) -> Self {
        let path = format!("/conformance?{query}");
        Self::handshake(address, &path, 1).await
    }

    /// Connects to any hub without negotiating. `path` is like `/bothub?user=ada`.
    pub async fn connect_to(address: SocketAddr, path: &str) -> Self {
        Self::handshake(address, path, 1).await
    }

    /// Negotiates stateful reconnect and connects.
    pub async fn connect_stateful(address: SocketAddr, query: &str) -> Self {
        let token = negotiate(address, "useStatefulReconnect=true").await;
        Self::connect_stateful_at(address, &format!("/conformance?id={token}&{query}")).await
    }

    /// The same with a path that holds a token, so that it can be used again by `resume`.
    pub async fn connect_stateful_at(address: SocketAddr, path: &str) -> Self {
        Self::handshake(address, path, 2).await
    }

    /// Another socket on a connection with stateful reconnect.
    pub async fn resume(address: SocketAddr, path: &str) -> Self {
        let (sender, receiver) = open_socket(address, path).await;
        Self::over(sender, receiver)
    }

    async fn handshake(address: SocketAddr, path: &str, version: u8) -> Self {
        let (sender, receiver) = open_socket(address, path).await;
        let request = format!("{{\"protocol\":\"json\",\"version\":{version}}}\x1e");
        sender.text(&request).await.expect("the socket is open");
        let mut client = Self::over(sender, receiver);
        let answer = client.next().await;
        let accepted = matches!(&answer, Received::Message(value) if *value == json!({}));
        assert!(accepted, "handshake: {answer:?}");
        client
    }

    fn over(sender: Sender, mut receiver: Receiver) -> Self {
        let (came, inbox) = mpsc::unbounded_channel();
        let (stop, mut stopped) = oneshot::channel();
        let reader = Task::spawn(async move {
            loop {
                let incoming = tokio::select! {
                    incoming = receiver.next() => incoming,
                    _ = &mut stopped => return receiver,
                };
                match incoming {
                    Incoming::Message { bytes, .. } => cut(&bytes, &came),
                    Incoming::Pong => {}
                    Incoming::Closed { code, .. } => {
                        let _ = came.send(Received::Closed { code });
                        return receiver;
                    }
                }
            }
        });
        Self {
            sender,
            inbox,
            reader,
            stop,
            waiting: VecDeque::new(),
            last_id: 0,
        }
    }

    /// Sends one hub message.
    pub async fn send_message(&self, message: &Value) {
        let record = format!("{message}\x1e");
        self.sender.text(&record).await.expect("the socket is open");
    }

    /// Calls a method without waiting for it to be done.
    pub async fn send(&self, target: &str, arguments: Value) {
        let message = json!({"type": 1, "target": target, "arguments": arguments});
        self.send_message(&message).await;
    }

    /// Calls a method and gives its result.
    pub async fn invoke(&mut self, target: &str, arguments: Value) -> Value {
        let completion = self.call(target, arguments).await;
        assert!(completion.get("error").is_none(), "{target}: {completion}");
        completion["result"].clone()
    }

    /// Calls a method and gives its completion, good or bad.
    pub async fn call(&mut self, target: &str, arguments: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id.to_string();
        let message =
            json!({"type": 1, "invocationId": id, "target": target, "arguments": arguments});
        self.send_message(&message).await;
        let mut others = VecDeque::new();
        loop {
            match self.next().await {
                Received::Message(value) if value["type"] == 3 && value["invocationId"] == *id => {
                    others.append(&mut self.waiting);
                    self.waiting = others;
                    return value;
                }
                Received::Closed { code } => panic!("closed with {code} while calling {target}"),
                other => others.push_back(other),
            }
        }
    }

    /// The next thing from the server.
    pub async fn next(&mut self) -> Received {
        if let Some(received) = self.waiting.pop_front() {
            return received;
        }
        let next = within(PATIENCE, "nothing came", self.inbox.recv()).await;
        next.unwrap().expect("the reader tells the end")
    }

    /// The arguments of the next call of `target`; pings and other calls are passed over.
    pub async fn next_call(&mut self, target: &str) -> Value {
        loop {
            match self.next().await {
                Received::Message(value) if value["type"] == 1 && value["target"] == target => {
                    return value["arguments"].clone();
                }
                Received::Message(_) => {}
                Received::Closed { code } => panic!("closed with {code}, expected {target}"),
            }
        }
    }

    /// Waits for the end. Gives the error of the close message, if one came, and the close code.
    pub async fn closed(&mut self) -> (Option<String>, u16) {
        let mut error = None;
        loop {
            match self.next().await {
                Received::Message(value) if value["type"] == 7 => {
                    error = value["error"].as_str().map(str::to_owned);
                }
                Received::Message(_) => {}
                Received::Closed { code } => return (error, code),
            }
        }
    }

    /// From now on the socket stays open but nobody reads it.
    pub async fn stop_reading(self) -> SilentClient {
        let _ = self.stop.send(());
        SilentClient {
            sender: self.sender,
            _receiver: self.reader.result().await,
        }
    }
}

/// A client that does not read.
pub struct SilentClient {
    pub sender: Sender,
    _receiver: Receiver,
}

fn cut(bytes: &[u8], came: &mpsc::UnboundedSender<Received>) {
    for record in bytes.split(|byte| *byte == 0x1E) {
        if !record.is_empty() {
            let value = serde_json::from_slice(record).expect("the server writes JSON");
            let _ = came.send(Received::Message(value));
        }
    }
}

/// Negotiates and gives the connection token.
pub async fn negotiate(address: SocketAddr, query: &str) -> String {
    let path = format!("/conformance/negotiate?negotiateVersion=1&{query}");
    let request = http::send(address, &Request::new("POST", path)).await;
    let answer = request.expect("negotiate is answered");
    let body: Value = serde_json::from_slice(&answer.body).expect("negotiate answers JSON");
    let token = body["connectionToken"].as_str();
    token.expect("negotiate gives a token").to_owned()
}

/// A socket on the conformance hub that has not shaken hands yet.
pub async fn open_socket(address: SocketAddr, path: &str) -> (Sender, Receiver) {
    let upgrade = websocket::connect(address, path, &[]);
    match within(PATIENCE, "no answer to the upgrade", upgrade).await {
        Ok(Ok(Upgrade::Open(_, sender, receiver))) => (sender, receiver),
        Ok(Ok(Upgrade::Refused(answer))) => panic!("upgrade refused: {}", answer.head.status),
        Ok(Err(error)) => panic!("upgrade failed: {error}"),
        Err(late) => panic!("{late}"),
    }
}
