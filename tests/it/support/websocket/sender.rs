//! What a client sends: messages, fragments, any frame, any bytes.

use std::io::Result;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Mutex;

use super::{BINARY, CLOSE, CONTINUATION, PING, TEXT};

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
    pub(super) fn new(half: OwnedWriteHalf) -> Self {
        let closing = false;
        let writer = Arc::new(Mutex::new(Writer { half, closing }));
        Self { writer }
    }

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

    pub(super) async fn end(&self) {
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
