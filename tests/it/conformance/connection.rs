//! The client's end of one connection: what came is cut into whole hub messages and queued, whatever
//! the transport.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::hex;
use super::runner::Mismatch;
use crate::support::Task;
use crate::support::http::{self, Request};
use crate::support::websocket::{Incoming, Receiver, Sender};

const RECORD_SEPARATOR: u8 = 0x1E;

/// One hub message, separator or length prefix included.
#[derive(Clone, PartialEq)]
pub struct HubMessage {
    pub bytes: Vec<u8>,
    pub binary: bool,
    /// Why this is no whole message.
    pub broken: Option<&'static str>,
}

impl HubMessage {
    /// The message's type, if it can be told.
    pub fn message_type(&self) -> Option<u64> {
        if !self.binary {
            let record = self.bytes.strip_suffix(&[RECORD_SEPARATOR])?;
            let value: serde_json::Value = serde_json::from_slice(record).ok()?;
            return value.get("type")?.as_u64();
        }
        // An array header of up to 15 elements, then the type as a small integer.
        match hex::read_prefix(&self.bytes)?.1 {
            [0x90..=0x9F, kind @ 0..=0x7F, ..] => Some(u64::from(*kind)),
            _ => None,
        }
    }
}

impl std::fmt::Display for HubMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.binary {
            return f.write_str(&hex::encode(&self.bytes));
        }
        f.write_str(&super::compare::clip(&String::from_utf8_lossy(&self.bytes)))
    }
}

/// How a connection came to its end.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct End {
    pub code: Option<u16>,
    pub reason: Option<String>,
    pub ended: Option<bool>,
    pub status: Option<u16>,
}

enum Event {
    Chunk { bytes: Vec<u8>, binary: bool },
    Stream(Vec<u8>),
    Pong,
    End(End),
}

pub enum Next {
    Message(HubMessage),
    End(End),
}

enum Upstream {
    WebSocket {
        sender: Sender,
        pause: Option<oneshot::Sender<()>>,
    },
    Post {
        address: SocketAddr,
        path: String,
        delete_at_end: bool,
    },
}

pub struct Connection {
    upstream: Option<Upstream>,
    events: mpsc::UnboundedReceiver<Event>,
    reader: Option<Task>,
    queue: VecDeque<HubMessage>,
    end: Option<End>,
    /// The first record is the handshake answer, JSON whatever the protocol.
    greeted: bool,
    /// Bytes of an event stream that are no whole event yet.
    raw: Vec<u8>,
    pongs: usize,
}

impl Connection {
    fn new(upstream: Upstream, events: mpsc::UnboundedReceiver<Event>, reader: Task) -> Self {
        Self {
            upstream: Some(upstream),
            events,
            reader: Some(reader),
            queue: VecDeque::new(),
            end: None,
            greeted: false,
            raw: Vec::new(),
            pongs: 0,
        }
    }

    pub fn websocket(sender: Sender, mut receiver: Receiver, resumed: bool) -> Self {
        let (events_in, events) = mpsc::unbounded_channel();
        let (pause, mut paused) = oneshot::channel();
        let reader = Task::spawn(async move {
            loop {
                let incoming = tokio::select! {
                    incoming = receiver.next() => incoming,
                    // There is no step to read on, so what was read of a message may be forgotten;
                    // the receiver itself stays, lest the socket be closed.
                    _ = &mut paused => std::future::pending().await,
                };
                let event = match incoming {
                    Incoming::Message { bytes, binary } => Event::Chunk { bytes, binary },
                    Incoming::Pong => Event::Pong,
                    Incoming::Closed { code, reason } => {
                        let end = End {
                            code: Some(code),
                            reason: Some(reason),
                            ..End::default()
                        };
                        let _ = events_in.send(Event::End(end));
                        return;
                    }
                };
                let _ = events_in.send(event);
            }
        });
        let mut connection = Self::new(
            Upstream::WebSocket {
                sender,
                pause: Some(pause),
            },
            events,
            reader,
        );
        connection.greeted = resumed;
        connection
    }

    pub fn event_stream(address: SocketAddr, path: String, mut body: http::Body) -> Self {
        let (events_in, events) = mpsc::unbounded_channel();
        let reader = Task::spawn(async move {
            let end = loop {
                match body.chunk().await {
                    Ok(Some(bytes)) => drop(events_in.send(Event::Stream(bytes))),
                    Ok(None) => {
                        break End {
                            ended: Some(true),
                            ..End::default()
                        };
                    }
                    Err(_) => break End::default(),
                }
            };
            let _ = events_in.send(Event::End(end));
        });
        Self::new(
            Upstream::Post {
                address,
                path,
                delete_at_end: false,
            },
            events,
            reader,
        )
    }

    /// Polls again and again; the first poll, which starts the connection, has been answered already.
    pub fn long_polling(address: SocketAddr, poll: Request, binary: bool) -> Self {
        let (events_in, events) = mpsc::unbounded_channel();
        let path = poll.path.clone();
        let reader = Task::spawn(async move {
            let end = loop {
                match http::send(address, &poll).await {
                    Ok(answer) if answer.head.status == 200 => {
                        let _ = events_in.send(Event::Chunk {
                            bytes: answer.body,
                            binary,
                        });
                    }
                    Ok(answer) => {
                        break End {
                            status: Some(answer.head.status),
                            ..End::default()
                        };
                    }
                    Err(_) => break End::default(),
                }
            };
            let _ = events_in.send(Event::End(end));
        });
        Self::new(
            Upstream::Post {
                address,
                path,
                delete_at_end: true,
            },
            events,
            reader,
        )
    }

    pub fn is_websocket(&self) -> bool {
        matches!(self.upstream, Some(Upstream::WebSocket { .. }))
    }

    // ---------------------------------------------------------------- receiving

    /// The next message that is not skipped, or the end; `None` when the time is over.
    pub async fn peek(
        &mut self,
        limit: Duration,
        skip: impl Fn(&HubMessage) -> bool,
    ) -> Option<Next> {
        let deadline = Instant::now() + limit;
        loop {
            self.take_what_came();
            while self.queue.front().is_some_and(&skip) {
                self.queue.pop_front();
            }
            if let Some(message) = self.queue.front() {
                return Some(Next::Message(message.clone()));
            }
            if let Some(end) = &self.end {
                return Some(Next::End(end.clone()));
            }
            let event = timeout_at(deadline, self.events.recv()).await.ok()?;
            self.on_event(event);
        }
    }

    pub fn pop(&mut self) {
        self.queue.pop_front();
    }

    /// Everything that came and was not taken.
    pub fn leftover(&mut self) -> Vec<HubMessage> {
        self.take_what_came();
        self.queue.drain(..).collect()
    }

    /// The next bytes of an event stream, framing included.
    pub async fn raw(&mut self, length: usize, limit: Duration) -> Vec<u8> {
        let deadline = Instant::now() + limit;
        while self.raw.len() < length && self.end.is_none() {
            match timeout_at(deadline, self.events.recv()).await {
                Ok(event) => self.on_event(event),
                Err(_) => break,
            }
        }
        let bytes: Vec<u8> = self.raw.drain(..length.min(self.raw.len())).collect();
        self.greeted |= bytes.contains(&RECORD_SEPARATOR);
        bytes
    }

    fn take_what_came(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.on_event(Some(event));
        }
        self.cut_events();
    }

    fn on_event(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Chunk { bytes, binary }) => self.cut(&bytes, binary),
            Some(Event::Stream(bytes)) => self.raw.extend_from_slice(&bytes),
            Some(Event::Pong) => self.pongs += 1,
            Some(Event::End(end)) => self.end = Some(end),
            None => self.end = self.end.take().or_else(|| Some(End::default())),
        }
    }

    /// Cuts a chunk into whole hub messages.
    fn cut(&mut self, mut bytes: &[u8], binary: bool) {
        while !bytes.is_empty() {
            let length = if self.greeted && binary {
                hex::read_prefix(bytes).and_then(|(length, rest)| {
                    (length <= rest.len()).then(|| bytes.len() - rest.len() + length)
                })
            } else {
                self.greeted = true;
                bytes
                    .iter()
                    .position(|byte| *byte == RECORD_SEPARATOR)
                    .map(|at| at + 1)
            };
            let broken = length
                .is_none()
                .then_some("a chunk ends inside a hub message");
            let (message, rest) = bytes.split_at(length.unwrap_or(bytes.len()));
            self.queue.push_back(HubMessage {
                bytes: message.to_vec(),
                binary,
                broken,
            });
            bytes = rest;
        }
    }

    fn cut_events(&mut self) {
        loop {
            if self.raw.starts_with(b":\r\n") {
                self.raw.drain(..3);
                continue;
            }
            let Some(end) = self.raw.windows(4).position(|four| four == b"\r\n\r\n") else {
                return;
            };
            let event: Vec<u8> = self.raw.drain(..end + 4).take(end).collect();
            let event = String::from_utf8_lossy(&event).into_owned();
            let lines: Option<Vec<_>> = event
                .split("\r\n")
                .map(|line| line.strip_prefix("data: "))
                .collect();
            match lines {
                Some(lines) => self.cut(lines.join("\n").as_bytes(), false),
                None => self.queue.push_back(HubMessage {
                    bytes: event.into_bytes(),
                    binary: false,
                    broken: Some("a line of an event does not start with `data: `"),
                }),
            }
        }
    }

    // ---------------------------------------------------------------- sending

    pub async fn send(&self, payload: &[u8], binary: bool) -> Result<(), Mismatch> {
        match self.upstream()? {
            Upstream::WebSocket { sender, .. } => Ok(sender.message(binary, payload).await?),
            Upstream::Post { address, path, .. } => post(*address, path, payload).await,
        }
    }

    pub async fn send_fragments(&self, parts: &[String]) -> Result<(), Mismatch> {
        Ok(self
            .socket()?
            .fragments(false, parts.iter().map(String::as_bytes))
            .await?)
    }

    pub async fn close(&self, code: Option<u16>, reason: &str) -> Result<(), Mismatch> {
        Ok(self.socket()?.close(code, reason).await?)
    }

    /// Stops reading the socket, for good.
    pub fn pause(&mut self) -> Result<(), Mismatch> {
        match &mut self.upstream {
            Some(Upstream::WebSocket { pause, .. }) => {
                let _ = pause.take().map(|pause| pause.send(()));
                Ok(())
            }
            _ => Err(Mismatch("not a WebSocket".to_owned())),
        }
    }

    pub async fn ping(&mut self, limit: Duration) -> Result<(), Mismatch> {
        let before = self.pongs;
        self.socket()?.ping().await?;
        let deadline = Instant::now() + limit;
        while self.pongs == before {
            match timeout_at(deadline, self.events.recv()).await {
                Ok(event) => self.on_event(event),
                Err(_) => return Err(Mismatch(format!("no pong within {limit:?}"))),
            }
        }
        Ok(())
    }

    fn upstream(&self) -> Result<&Upstream, Mismatch> {
        self.upstream
            .as_ref()
            .ok_or_else(|| Mismatch("the connection was dropped".to_owned()))
    }

    fn socket(&self) -> Result<&Sender, Mismatch> {
        match self.upstream()? {
            Upstream::WebSocket { sender, .. } => Ok(sender),
            Upstream::Post { .. } => Err(Mismatch("not a WebSocket".to_owned())),
        }
    }

    // ---------------------------------------------------------------- the end

    /// Cuts the TCP connection, or stops polling.
    pub fn cut_off(&mut self) {
        self.reader = None;
        if self.is_websocket() {
            self.upstream = None;
        }
    }

    /// Leaves nothing behind on the server.
    pub async fn clean_up(mut self) {
        self.take_what_came();
        self.reader = None;
        let over = self.end.is_some_and(|end| end.status.is_some());
        if let Some(Upstream::Post {
            address,
            path,
            delete_at_end: true,
        }) = self.upstream
            && !over
        {
            let delete = Request::new("DELETE", path);
            let _ =
                tokio::time::timeout(Duration::from_secs(8), http::send(address, &delete)).await;
        }
    }
}

async fn post(address: SocketAddr, path: &str, payload: &[u8]) -> Result<(), Mismatch> {
    let request = Request::new("POST", path).body(payload);
    let answer = tokio::time::timeout(Duration::from_secs(8), http::send(address, &request)).await;
    let answer = answer.map_err(|_| Mismatch("no answer to a POST within 8 s".to_owned()))??;
    if answer.head.status == 200 && answer.body.is_empty() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body);
    Err(Mismatch(format!(
        "POST: status {}, body {body:?}",
        answer.head.status
    )))
}
