//! The client's end of one connection: what came is cut into whole hub messages and queued, whatever
//! the transport.

mod message;
mod send;
mod transports;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

pub use message::HubMessage;
use message::RECORD_SEPARATOR;

use crate::support::Task;
use crate::support::http::{self, Request};
use crate::support::websocket::Sender;

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

    pub fn is_websocket(&self) -> bool {
        matches!(self.upstream, Some(Upstream::WebSocket { .. }))
    }

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
