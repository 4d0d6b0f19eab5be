//! A small SignalR client: JSON over a WebSocket, calls with answers, and questions from the server.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const RECORD_SEPARATOR: char = '\u{1e}';
const PING_EVERY: Duration = Duration::from_secs(10);
/// A server pings every 15 seconds; one that is silent for longer is gone.
const SERVER_TIMEOUT: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Calls = Rc<RefCell<HashMap<u64, oneshot::Sender<Result<Value, String>>>>>;

/// Where the hubs are.
#[derive(Clone, Debug)]
pub struct Address {
    base: String,
    token: Option<String>,
}

/// Why there is no connection.
#[derive(Debug)]
pub enum NoConnection {
    /// The server does not let us in; trying again is useless.
    Refused(String),
    /// It may answer later.
    Unreachable(String),
}

impl Address {
    pub fn new(url: &str, token: Option<String>) -> Result<Self, String> {
        let base = match url.trim_end_matches('/').split_once("://") {
            Some(("http" | "ws", rest)) => format!("ws://{rest}"),
            Some(("https" | "wss", rest)) => format!("wss://{rest}"),
            _ => return Err(format!("`{url}` is not an http or https address")),
        };
        Ok(Self { base, token })
    }

    fn of_hub(&self, hub: &str) -> String {
        let query = match &self.token {
            Some(token) => format!("access_token={token}"),
            None => "user=simulate".to_owned(),
        };
        format!("{}/{hub}?{query}", self.base)
    }
}

/// A call that came from the server.
#[derive(Debug)]
pub struct ServerCall {
    pub id: Option<String>,
    pub target: String,
    pub argument: Value,
}

/// An open connection. Calls fail once it is gone.
#[derive(Clone)]
pub struct Client {
    outgoing: mpsc::UnboundedSender<String>,
    calls: Calls,
    next_id: Rc<RefCell<u64>>,
}

impl Client {
    /// Connects without negotiating. The receiver ends when the connection does.
    pub async fn connect(
        address: &Address,
        hub: &str,
    ) -> Result<(Self, mpsc::UnboundedReceiver<ServerCall>), NoConnection> {
        let (socket, _) = connect_async(address.of_hub(hub))
            .await
            .map_err(no_connection)?;
        let (mut sink, mut stream) = socket.split();
        shake_hands(&mut sink, &mut stream).await?;
        let (outgoing, to_send) = mpsc::unbounded_channel();
        let (asked, questions) = mpsc::unbounded_channel();
        let client = Self {
            outgoing,
            calls: Calls::default(),
            next_id: Rc::default(),
        };
        let calls = client.calls.clone();
        tokio::task::spawn_local(async move {
            tokio::select! {
                () = write(sink, to_send) => {}
                () = read(stream, &calls, &asked) => {}
            }
            // Dropping the senders tells every waiting call.
            calls.borrow_mut().clear();
        });
        Ok((client, questions))
    }

    /// Calls a hub method and waits for what it answers.
    pub async fn invoke(&self, target: &str, argument: Value) -> Result<Value, String> {
        let id = {
            let mut next = self.next_id.borrow_mut();
            *next += 1;
            *next
        };
        let (answered, answer) = oneshot::channel();
        self.calls.borrow_mut().insert(id, answered);
        let call = json!({
            "type": 1, "invocationId": id.to_string(), "target": target, "arguments": [argument],
        });
        self.send(&call);
        answer
            .await
            .unwrap_or_else(|_| Err("the connection is gone".to_owned()))
    }

    /// Answers a question of the server.
    pub fn answer(&self, id: &str, result: &Value) {
        self.send(&json!({"type": 3, "invocationId": id, "result": result}));
    }

    fn send(&self, message: &Value) {
        // When the connection is gone, the answer will say so.
        let _ = self.outgoing.send(format!("{message}{RECORD_SEPARATOR}"));
    }
}

fn no_connection(error: tungstenite::Error) -> NoConnection {
    match &error {
        tungstenite::Error::Http(answer) if matches!(answer.status().as_u16(), 401 | 403) => {
            NoConnection::Refused(format!(
                "the server answers {}: give a token with the role `worker` as --token",
                answer.status()
            ))
        }
        tungstenite::Error::Url(_) | tungstenite::Error::HttpFormat(_) => {
            NoConnection::Refused(error.to_string())
        }
        _ => NoConnection::Unreachable(error.to_string()),
    }
}

async fn shake_hands(
    sink: &mut SplitSink<Socket, Message>,
    stream: &mut SplitStream<Socket>,
) -> Result<(), NoConnection> {
    let request = format!("{{\"protocol\":\"json\",\"version\":1}}{RECORD_SEPARATOR}");
    let unreachable = |error: tungstenite::Error| NoConnection::Unreachable(error.to_string());
    sink.send(Message::text(request))
        .await
        .map_err(unreachable)?;
    while let Some(message) = stream.next().await {
        let message = message.map_err(unreachable)?;
        let Ok(text) = message.to_text() else {
            continue;
        };
        let Some(record) = text.split(RECORD_SEPARATOR).find(|it| !it.is_empty()) else {
            continue;
        };
        let answer: Value = serde_json::from_str(record).unwrap_or_default();
        return match answer["error"].as_str() {
            Some(error) => Err(NoConnection::Refused(error.to_owned())),
            None => Ok(()),
        };
    }
    Err(NoConnection::Unreachable("it hung up".to_owned()))
}

async fn write(mut sink: SplitSink<Socket, Message>, mut to_send: mpsc::UnboundedReceiver<String>) {
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        let message = tokio::select! {
            message = to_send.recv() => match message {
                Some(message) => message,
                None => return,
            },
            _ = ping.tick() => format!("{{\"type\":6}}{RECORD_SEPARATOR}"),
        };
        if sink.send(Message::text(message)).await.is_err() {
            return;
        }
    }
}

async fn read(
    mut stream: SplitStream<Socket>,
    calls: &Calls,
    asked: &mpsc::UnboundedSender<ServerCall>,
) {
    while let Ok(Some(Ok(message))) = tokio::time::timeout(SERVER_TIMEOUT, stream.next()).await {
        let Ok(text) = message.to_text() else {
            continue;
        };
        for record in text.split(RECORD_SEPARATOR) {
            let Ok(message) = serde_json::from_str::<Value>(record) else {
                continue;
            };
            match message["type"].as_u64() {
                Some(1) => {
                    let question = ServerCall {
                        id: message["invocationId"].as_str().map(str::to_owned),
                        target: message["target"].as_str().unwrap_or_default().to_owned(),
                        argument: message["arguments"][0].clone(),
                    };
                    let _ = asked.send(question);
                }
                Some(3) => complete(calls, &message),
                Some(7) => return,
                _ => {}
            }
        }
    }
}

fn complete(calls: &Calls, completion: &Value) {
    let id = completion["invocationId"].as_str();
    let Some(id) = id.and_then(|id| id.parse().ok()) else {
        return;
    };
    if let Some(waiting) = calls.borrow_mut().remove(&id) {
        let _ = waiting.send(match completion["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(completion["result"].clone()),
        });
    }
}
