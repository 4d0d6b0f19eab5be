//! A small SignalR client: JSON over a WebSocket, calls with answers, and questions from the server.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message as Frame;

use super::socket::{Address, NoConnection, RECORD_SEPARATOR, Sink, Stream, no_connection, open};

const PING_EVERY: Duration = Duration::from_secs(10);
/// A server pings every 15 seconds; one that is silent for longer is gone.
const SERVER_TIMEOUT: Duration = Duration::from_secs(30);

/// What a call came to, as it came.
type Answer = Result<Box<RawValue>, String>;
type Calls = Rc<RefCell<HashMap<u64, oneshot::Sender<Answer>>>>;

/// A call that came from the server.
#[derive(Debug)]
pub struct ServerCall {
    pub id: Option<String>,
    pub target: String,
    /// The first argument as it came: most are not looked into.
    argument: Box<RawValue>,
}

impl ServerCall {
    /// Reads the argument, or as much of it as `T` has.
    pub fn argument<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.argument.get()).ok()
    }
}

/// A message of the server, its values as they came.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: Option<u64>,
    invocation_id: Option<String>,
    target: Option<String>,
    #[serde(borrow)]
    arguments: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<String>,
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
        let (sink, stream) = open(address, hub).await?;
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
    pub async fn invoke(&self, target: &str, argument: Value) -> Answer {
        let id = {
            let mut next = self.next_id.borrow_mut();
            *next += 1;
            *next
        };
        let (answered, answer) = oneshot::channel();
        self.calls.borrow_mut().insert(id, answered);
        self.send(&invocation(id, target, &argument));
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

/// Calls a hub method over a connection of its own and never reads a word of what comes.
pub async fn stall(
    address: &Address,
    hub: &str,
    target: &str,
    argument: &Value,
) -> Result<Infallible, NoConnection> {
    let (mut sink, _stream) = open(address, hub).await?;
    let call = invocation(1, target, argument);
    let message = Frame::text(format!("{call}{RECORD_SEPARATOR}"));
    sink.send(message).await.map_err(no_connection)?;
    Ok(std::future::pending().await)
}

fn invocation(id: u64, target: &str, argument: &Value) -> Value {
    json!({"type": 1, "invocationId": id.to_string(), "target": target, "arguments": [argument]})
}

async fn write(mut sink: Sink, mut to_send: mpsc::UnboundedReceiver<String>) {
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        let message = tokio::select! {
            message = to_send.recv() => match message {
                Some(message) => message,
                None => return,
            },
            _ = ping.tick() => format!("{{\"type\":6}}{RECORD_SEPARATOR}"),
        };
        if sink.send(Frame::text(message)).await.is_err() {
            return;
        }
    }
}

async fn read(mut stream: Stream, calls: &Calls, asked: &mpsc::UnboundedSender<ServerCall>) {
    while let Ok(Some(Ok(message))) = tokio::time::timeout(SERVER_TIMEOUT, stream.next()).await {
        let Ok(text) = message.to_text() else {
            continue;
        };
        for record in text.split(RECORD_SEPARATOR) {
            let Ok(message) = serde_json::from_str::<Message<'_>>(record) else {
                continue;
            };
            match message.kind {
                Some(1) => {
                    let arguments = message.arguments.as_deref().unwrap_or_default();
                    let question = ServerCall {
                        id: message.invocation_id,
                        target: message.target.unwrap_or_default(),
                        argument: owned(arguments.first().copied()),
                    };
                    let _ = asked.send(question);
                }
                Some(3) => complete(calls, message),
                Some(7) => return,
                _ => {}
            }
        }
    }
}

fn complete(calls: &Calls, completion: Message<'_>) {
    let id = completion.invocation_id.and_then(|id| id.parse().ok());
    let Some(id) = id else { return };
    if let Some(waiting) = calls.borrow_mut().remove(&id) {
        let _ = waiting.send(match completion.error {
            Some(error) => Err(error),
            None => Ok(owned(completion.result)),
        });
    }
}

fn owned(value: Option<&RawValue>) -> Box<RawValue> {
    value.map_or_else(|| RawValue::NULL.to_owned(), ToOwned::to_owned)
}
