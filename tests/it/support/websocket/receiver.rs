//! What comes from the server: messages with their opcode, and how it ended.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;

use super::{ABNORMAL, BINARY, CLOSE, CONTINUATION, NO_STATUS, PING, PONG, Sender};

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
    pub(super) fn new(reader: BufReader<OwnedReadHalf>, sender: Sender) -> Self {
        Self {
            reader,
            answers: Some(sender.clone()),
            sender,
            end: None,
        }
    }

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
