//! A WebSocket of the chat hub, open and ready for calls.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

use super::{LIMIT, Target};

pub(in crate::cli) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An open connection after its handshake.
pub(in crate::cli) async fn open(target: &Target) -> Result<Socket, String> {
    let token = target.negotiate().await?;
    let connecting = connect_async(target.websocket(&token));
    let connected = timeout(LIMIT, connecting).await;
    let (mut socket, _) = connected
        .map_err(|_| "no answer to the upgrade within 10 s".to_owned())?
        .map_err(|error| refusal(&error))?;
    let handshake = Message::text("{\"protocol\":\"json\",\"version\":1}\u{1e}");
    let sent = socket.send(handshake).await;
    sent.map_err(|error| refusal(&error))?;
    match timeout(LIMIT, socket.next()).await {
        Ok(Some(Ok(message))) if message.to_text().is_ok_and(|text| text.starts_with("{}")) => {
            Ok(socket)
        }
        Ok(Some(Ok(_))) => Err("something else than a handshake came back".to_owned()),
        Ok(Some(Err(error))) => Err(refusal(&error)),
        Ok(None) => Err("closed before the handshake".to_owned()),
        Err(_) => Err("no handshake within 10 s".to_owned()),
    }
}

/// Without the address: it holds the token.
fn refusal(error: &Error) -> String {
    match error {
        Error::Http(answer) => format!("HTTP {} in place of the upgrade", answer.status()),
        Error::Io(error) => error.to_string(),
        _ => "the upgrade was not answered as one".to_owned(),
    }
}
