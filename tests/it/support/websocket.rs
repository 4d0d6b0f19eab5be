//! A WebSocket client that shows opcodes, close codes and reasons, can fragment, can stop reading, and
//! can stay silent to a close frame.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;

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
    let sender = Sender {
        writer: Arc::new(Mutex::new(Writer {
            half: writer,
            closing: false,
        })),
    };
    let receiver = Receiver {
        reader,
        answers: Some(sender.clone()),
        sender: sender.clone(),
        end: None,
    };
    Ok(Upgrade::Open(head, sender, receiver))
}

struct Writer {
    half: OwnedWriteHalf,
    closing: bool,
}

/// The sending half; clones send on the same socket.
#[derive(Clone)]
pub struct Sender {
    writer: Arc<Mutex<Writer>>,
}

impl Sender {
    pub async fn message(&self, binary: bool, payload: &[u8]) -> Result<()> {
        let opcode = if binary { BINARY } else { TEXT };
        self.frame(opcode, true, payload).await
    }

    pub async fn text(&self, text: &str) -> Result<()> {
        self.message(false, text.as_bytes()).await
    }

    pub async fn fragments<'a>(
        &self,
        binary: bool,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<()> {
        let mut opcode = if binary { BINARY } else { TEXT };
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            self.frame(opcode, parts.peek().is_none(), part).await?;
            opcode = CONTINUATION;
        }
        Ok(())
    }

    pub async fn ping(&self) -> Result<()> {
        self.frame(PING, true, b"").await
    }

    pub async fn close(&self, code: Option<u16>, reason: &str) -> Result<()> {
        let mut payload = code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec());
        payload.extend_from_slice(reason.as_bytes());
        let mut writer = self.writer.lock().await;
        if writer.closing {
            return Ok(());
        }
        writer.closing = true;
        writer
            .half
            .write_all(&encode_frame(CLOSE, true, &payload))
            .await
    }

    pub async fn frame(&self, opcode: u8, last: bool, payload: &[u8]) -> Result<()> {
        self.raw(&encode_frame(opcode, last, payload)).await
    }

    /// Bytes as they are, frame or not.
    pub async fn raw(&self, bytes: &[u8]) -> Result<()> {
        self.writer.lock().await.half.write_all(bytes).await
    }

    async fn end(&self) {
        let _ = self.writer.lock().await.half.shutdown().await;
    }
}

/// Clients must mask; a mask of zeroes leaves the payload readable in packet dumps.
pub fn encode_frame(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode | if last { 0x80 } else { 0 }];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[derive(Debug, PartialEq)]
pub enum Incoming {
    Message {
        bytes: Vec<u8>,
        binary: bool,
    },
    Pong,
    /// The TCP connection has ended; the code is that of the server's close frame, if there was one.
    Closed {
        code: u16,
        reason: String,
    },
}

/// The receiving half. Answers pings and close frames, unless told not to.
pub struct Receiver {
    reader: BufReader<OwnedReadHalf>,
    sender: Sender,
    answers: Option<Sender>,
    end: Option<(u16, String)>,
}

impl Receiver {
    /// From now on the server's close frame stays unanswered.
    pub fn ignore_close(&mut self) {
        self.answers = None;
    }

    /// The next thing from the server. After `Closed` nothing comes any more.
    pub async fn next(&mut self) -> Incoming {
        match self.next_frame_or_end().await {
            Ok(incoming) => incoming,
            Err(_) => {
                self.sender.end().await;
                let (code, reason) = self.end.clone().unwrap_or((ABNORMAL, String::new()));
                Incoming::Closed { code, reason }
            }
        }
    }

    async fn next_frame_or_end(&mut self) -> Result<Incoming> {
        let mut message = Vec::new();
        let mut first = CONTINUATION;
        loop {
            let (opcode, last, payload) = self.frame().await?;
            match opcode {
                CLOSE => self.on_close(&payload).await?,
                PING => self.sender.frame(PONG, true, &payload).await?,
                PONG => return Ok(Incoming::Pong),
                _ => {
                    if opcode != CONTINUATION {
                        first = opcode;
                    }
                    message.extend_from_slice(&payload);
                    if last {
                        return Ok(Incoming::Message {
                            bytes: message,
                            binary: first == BINARY,
                        });
                    }
                }
            }
        }
    }

    async fn on_close(&mut self, payload: &[u8]) -> Result<()> {
        let (code, reason) = match payload {
            [high, low, reason @ ..] => (
                Some(u16::from_be_bytes([*high, *low])),
                String::from_utf8_lossy(reason).into_owned(),
            ),
            _ => (None, String::new()),
        };
        self.end = Some((code.unwrap_or(NO_STATUS), reason.clone()));
        if let Some(answers) = &self.answers {
            answers.close(code, &reason).await?;
            answers.end().await;
        }
        Ok(())
    }

    async fn frame(&mut self) -> Result<(u8, bool, Vec<u8>)> {
        let start = self.reader.read_u8().await?;
        let length = match self.reader.read_u8().await? {
            126 => u64::from(self.reader.read_u16().await?),
            127 => self.reader.read_u64().await?,
            masked @ 128.. => {
                let text = format!("a server frame is masked ({masked})");
                return Err(Error::new(ErrorKind::InvalidData, text));
            }
            short => u64::from(short),
        };
        if start & 0x70 != 0 {
            return Err(Error::new(ErrorKind::InvalidData, "reserved bits are set"));
        }
        let mut payload = vec![0; length as usize];
        self.reader.read_exact(&mut payload).await?;
        Ok((start & 0x0F, start & 0x80 != 0, payload))
    }
}
