//! A WebSocket to a hub, from its address to the end of the handshake.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

pub const RECORD_SEPARATOR: char = '\u{1e}';

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
pub type Sink = SplitSink<Socket, Message>;
pub type Stream = SplitStream<Socket>;

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

/// A connection after the handshake.
pub async fn open(address: &Address, hub: &str) -> Result<(Sink, Stream), NoConnection> {
    // Ten thousand snapshots come as one message.
    let limits = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let connected = connect_async_with_config(address.of_hub(hub), Some(limits), true);
    let (socket, _) = connected.await.map_err(no_connection)?;
    let (mut sink, mut stream) = socket.split();
    shake_hands(&mut sink, &mut stream).await?;
    Ok((sink, stream))
}

pub fn no_connection(error: tungstenite::Error) -> NoConnection {
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

async fn shake_hands(sink: &mut Sink, stream: &mut Stream) -> Result<(), NoConnection> {
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
