//! A WebSocket client that shows opcodes, close codes and reasons, can fragment, can stop reading, and
//! can stay silent to a close frame.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

mod receiver;
mod sender;

pub use receiver::{Incoming, Receiver};
pub use sender::{Sender, encode_frame};

use super::http::{self, Head, Request, Response};

const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
const CLOSE: u8 = 8;
pub const PING: u8 = 9;
const PONG: u8 = 10;
/// What a client reports when no close frame came.
pub const ABNORMAL: u16 = 1006;
/// What a client reports for a close frame without a code.
const NO_STATUS: u16 = 1005;

/// The server's answer to an upgrade request.
pub enum Upgrade {
    Open(Head, Sender, Receiver),
    Refused(Response),
}

/// Asks for a WebSocket at `path`; extra headers are sent as they are.
pub async fn connect(
    address: SocketAddr,
    path: &str,
    headers: &[(String, String)],
) -> Result<Upgrade> {
    let mut request = Request::new("GET", path)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    request.headers.extend_from_slice(headers);
    let (head, body) = http::open(address, &request).await?;
    if head.status != 101 {
        let body = body.collect().await?;
        return Ok(Upgrade::Refused(Response { head, body }));
    }
    // The key above and this answer are the example of RFC 6455, section 1.3.
    if head.header("sec-websocket-accept").as_deref() != Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "wrong Sec-WebSocket-Accept",
        ));
    }
    let (reader, writer) = body.into_parts();
    let sender = Sender::new(writer);
    let receiver = Receiver::new(reader, sender.clone());
    Ok(Upgrade::Open(head, sender, receiver))
}
