//! From bytes to messages, in order. When a message must wait (no slot, a full upload, the hub's
//! `on_connected`), it stays in the buffer with everything behind it, and the transport stops reading
//! once `ApplicationMaxBufferSize` bytes wait.

use std::{
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::{
    connection::{HubConnection, Phase},
    dispatch::Handled,
};
use crate::signalr::{
    connection::CloseReason,
    protocol::{
        self, ProtocolError,
        framing::{self, Split},
    },
};

/// Received bytes that were not dispatched yet.
#[derive(Default)]
pub(super) struct Input {
    buffer: BytesMut,
    /// How much of the buffer was searched for the end of a message.
    scanned: usize,
    /// The first message in the buffer must wait.
    paused: bool,
    /// How much of the buffer was looked at although the first message must wait.
    looked_at: usize,
    /// Messages are being dispatched at this moment.
    busy: bool,
    /// The transport was told to stop reading.
    full: bool,
    reader: Option<Waker>,
}

impl Input {
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Shows what is in the buffer, message by message, each once; `look` says how long one was.
    pub fn look_ahead(&mut self, mut look: impl FnMut(&[u8]) -> Option<usize>) {
        while let Some(length) = look(&self.buffer[self.looked_at..]) {
            self.looked_at += length;
        }
    }
}

impl HubConnection {
    /// Takes bytes from the transport: parts of messages or many of them.
    pub fn receive(self: &Rc<Self>, bytes: &[u8]) {
        self.connection.clone().batch(|| self.take_in(bytes));
    }

    /// Ready while the transport may read on.
    pub fn poll_wants_input(&self, context: &Context<'_>) -> Poll<()> {
        let mut input = self.input.borrow_mut();
        if input.full {
            input.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Waits while the transport must not hand in more.
    pub async fn wants_input(&self) {
        std::future::poll_fn(|context| self.poll_wants_input(context)).await;
    }

    /// Forgets what came over a lost socket and was not dispatched: the client sends it again.
    pub fn discard_input(&self) {
        let mut input = self.input.borrow_mut();
        input.buffer = BytesMut::new();
        input.scanned = 0;
        input.looked_at = 0;
        input.paused = false;
        self.announce_room(&mut input);
    }

    /// What held the input up may be over.
    pub(super) fn resume_input(self: &Rc<Self>) {
        self.input.borrow_mut().paused = false;
        self.pump();
    }

    fn take_in(self: &Rc<Self>, bytes: &[u8]) {
        if self.has_ended() {
            return;
        }
        let mut input = self.input.borrow_mut();
        if input.busy || input.paused || !input.buffer.is_empty() {
            input.buffer.extend_from_slice(bytes);
            self.check_full(&mut input);
            if input.paused {
                drop(input);
                return self.acknowledge_ahead();
            }
            drop(input);
            return self.pump();
        }
        input.busy = true;
        drop(input);
        let mut scanned = 0;
        let used = self.process(bytes, &mut scanned);
        let mut input = self.input.borrow_mut();
        input.busy = false;
        if used < bytes.len() && !self.has_ended() {
            input.buffer.extend_from_slice(&bytes[used..]);
            input.scanned = scanned;
            self.check_full(&mut input);
            if input.paused {
                drop(input);
                self.acknowledge_ahead();
            }
        }
    }

    /// Dispatches what waits in the buffer.
    fn pump(self: &Rc<Self>) {
        let mut input = self.input.borrow_mut();
        if input.busy || input.paused || input.buffer.is_empty() {
            return;
        }
        input.busy = true;
        let mut buffer = std::mem::take(&mut input.buffer);
        let mut scanned = input.scanned;
        drop(input);
        let used = self.process(&buffer, &mut scanned);
        buffer.advance(used);
        let mut input = self.input.borrow_mut();
        input.busy = false;
        if self.has_ended() || buffer.is_empty() {
            buffer = BytesMut::new();
        }
        input.buffer = buffer;
        input.scanned = scanned;
        input.looked_at = input.looked_at.saturating_sub(used);
        self.announce_room(&mut input);
        if input.paused {
            drop(input);
            self.acknowledge_ahead();
        }
    }

    /// Only what waits for the hub is held back; a message that is not complete yet has its own limit.
    fn check_full(&self, input: &mut Input) {
        input.full = input.paused && input.buffer.len() >= self.buffer_limit();
    }

    fn announce_room(&self, input: &mut Input) {
        let drained = !input.paused || input.buffer.len() < self.buffer_limit().div_ceil(2);
        if input.full && drained {
            input.full = false;
            if let Some(reader) = input.reader.take() {
                reader.wake();
            }
        }
    }

    fn buffer_limit(&self) -> usize {
        self.endpoint
            .connection_options()
            .application_max_buffer_size
            .max(1)
    }

    /// Dispatches whole messages at the start of `bytes`; says how many bytes they took.
    fn process(self: &Rc<Self>, bytes: &[u8], scanned: &mut usize) -> usize {
        let mut used = 0;
        while used < bytes.len() && !self.has_ended() {
            let rest = &bytes[used..];
            let step = match self.phase.get() {
                Phase::Handshaking => self.process_handshake(rest, scanned),
                Phase::Active => self.process_message(rest, scanned),
                _ => Some(0),
            };
            match step {
                Some(0) => {
                    self.input.borrow_mut().paused = true;
                    *scanned = 0;
                    break;
                }
                Some(count) => used += count,
                None => break,
            }
        }
        // A part of a message is no sign of life (reference 8.2).
        if used > 0 {
            self.timers.borrow_mut().heard(Instant::now());
        }
        used
    }

    /// None: more bytes are needed.
    fn process_handshake(self: &Rc<Self>, bytes: &[u8], scanned: &mut usize) -> Option<usize> {
        let limit = self
            .endpoint
            .options()
            .maximum_receive_message_size
            .unwrap_or(usize::MAX);
        match framing::split_record(bytes, scanned) {
            Some((record, used)) if used <= limit => {
                self.handshake(record);
                Some(used)
            }
            None if bytes.len() <= limit => None,
            _ => {
                self.close(CloseReason::Handshake("Handshake was canceled.".into()));
                Some(bytes.len())
            }
        }
    }

    /// None: more bytes are needed. Zero: the message must wait.
    fn process_message(self: &Rc<Self>, bytes: &[u8], scanned: &mut usize) -> Option<usize> {
        let protocol = self.connection.protocol();
        let limit = self.endpoint.options().maximum_receive_message_size;
        let parsed = match framing::split(protocol, bytes, scanned, limit) {
            Ok(Split::Incomplete) => return None,
            Ok(Split::Message { body, consumed }) => {
                protocol::parse(protocol, body).map(|message| (message, consumed))
            }
            Err(error) => Err(error),
        };
        match parsed {
            Ok((message, consumed)) => match self.dispatch(message) {
                Handled::Done => Some(consumed),
                Handled::Wait => Some(0),
            },
            Err(error) => {
                self.protocol_error(&error);
                Some(bytes.len())
            }
        }
    }

    fn protocol_error(self: &Rc<Self>, error: &ProtocolError) {
        let (exception, message) = (error.exception_type(), error.to_string());
        self.close(CloseReason::Violation { exception, message });
    }
}
