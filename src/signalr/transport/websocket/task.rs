//! The task of one socket: reads, waits until a full socket takes more, ends in good order.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix_ws::CloseCode;
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
};

use super::{
    SHARED_BUFFER, State, WebSocket,
    frame::{Event, FrameReader},
};
use crate::signalr::{
    connection::{CloseReason, Transport},
    hub::HubConnection,
    transport::{
        record::{Attached, Record},
        registry::Connections,
    },
};

/// Reads of one socket between two turns of others.
const READS_PER_TURN: usize = 4;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SHARED_BUFFER].into());
}

/// How a socket's task ended.
enum Outcome {
    /// A close frame came from the client.
    Closed,
    /// What came was no WebSocket frame, or text that is none.
    Broken(CloseCode),
    /// The socket ended without a close frame.
    Lost,
    /// We are done with it.
    Done,
}

/// Runs one socket from its upgrade to its end.
pub(super) async fn run(
    record: Rc<Record>,
    hub: Rc<HubConnection>,
    socket: Rc<WebSocket>,
    read: OwnedReadHalf,
    first_bytes: Vec<u8>,
    connections: Arc<Connections>,
) {
    let mut task = SocketTask {
        hub: &hub,
        socket: &socket,
        read,
        reader: FrameReader::default(),
        closed: None,
    };
    let mut first_bytes = first_bytes;
    if !first_bytes.is_empty() {
        task.take_in(&mut first_bytes);
    }
    drop(first_bytes);
    let close_timeout = record.endpoint().connection_options().close_timeout;
    let outcome = std::future::poll_fn(|context| task.poll(context, close_timeout)).await;
    drop(task);
    socket.state.set(State::Dead);
    let current = matches!(&*record.attached(), Some(Attached::WebSocket(attached)) if Rc::ptr_eq(attached, &socket));
    if !current {
        return;
    }
    match outcome {
        Outcome::Lost if hub.is_handshaking() && record.is_stateful() => {
            record.start_over();
            record.detach();
        }
        Outcome::Lost if hub.is_resumable() => {
            hub.transport_lost();
            record.detach();
        }
        Outcome::Lost | Outcome::Closed => {
            hub.transport_lost();
            hub.close(CloseReason::ClientLeft);
            connections.remove(&record);
        }
        Outcome::Broken(code) => {
            hub.connection().detach();
            hub.close(broken(code));
            connections.remove(&record);
        }
        Outcome::Done => {
            hub.close(CloseReason::ClientLeft);
            connections.remove(&record);
        }
    }
}

/// What the hub hears; the client was told by the close code.
fn broken(code: CloseCode) -> CloseReason {
    CloseReason::Violation {
        exception: "WebSocketException",
        message: match code {
            CloseCode::Invalid => "The client sent text that is not UTF-8.".into(),
            _ => "The client sent an invalid WebSocket frame.".into(),
        },
    }
}

struct SocketTask<'a> {
    hub: &'a Rc<HubConnection>,
    socket: &'a Rc<WebSocket>,
    read: OwnedReadHalf,
    reader: FrameReader,
    closed: Option<Outcome>,
}

impl SocketTask<'_> {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        close_timeout: std::time::Duration,
    ) -> Poll<Outcome> {
        self.socket.task.replace(Some(context.waker().clone()));
        if self.poll_write(context).is_err() {
            return Poll::Ready(Outcome::Lost);
        }
        let read = self.poll_read(context);
        if let Some(outcome) = self.closed.take() {
            return Poll::Ready(outcome);
        }
        self.socket
            .write_close(&self.hub.connection().outbox(), close_timeout);
        match (self.socket.state.get(), read) {
            (State::Closing { prompt: true, .. }, _) => Poll::Ready(Outcome::Done),
            (State::Dead, _) if self.hub.has_ended() => Poll::Ready(Outcome::Done),
            (State::Dead, _) => Poll::Ready(Outcome::Lost),
            (State::Open, Err(_)) => Poll::Ready(Outcome::Lost),
            (_, Err(_)) => Poll::Ready(Outcome::Done),
            (_, Ok(())) => Poll::Pending,
        }
    }

    /// A socket that took no more is asked whether it does again.
    fn poll_write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.socket.blocked_since.get().is_some() {
            match self.socket.write.as_ref().poll_write_ready(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(ready) => ready?,
            }
            let since = self.socket.blocked_since.take();
            let before = self.hub.connection().outbox().backlog();
            self.socket.flush(&mut self.hub.connection().outbox_mut());
            let stuck = self.socket.blocked_since.get().is_some();
            if stuck && self.hub.connection().outbox().backlog() == before {
                self.socket.blocked_since.set(since);
            }
        }
        Ok(())
    }

    /// Reads while there is something and the hub has room. An error is the socket's end.
    fn poll_read(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        for _ in 0..READS_PER_TURN {
            let is_open = self.socket.state.get() == State::Open;
            if is_open && self.hub.poll_wants_input(context).is_pending() {
                return Ok(());
            }
            let read = READ_BUFFER.with_borrow_mut(|shared| {
                let mut buffer = ReadBuf::new(shared);
                match Pin::new(&mut self.read).poll_read(context, &mut buffer) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                        Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
                    }
                    Poll::Ready(Ok(())) => {
                        self.take_in(buffer.filled_mut());
                        Poll::Ready(Ok(()))
                    }
                }
            });
            match read {
                Poll::Pending => return Ok(()),
                Poll::Ready(read) => read?,
            }
            if self.closed.is_some() {
                return Ok(());
            }
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    /// Takes bytes in; everything they make the connection send leaves in one write.
    fn take_in(&mut self, bytes: &mut [u8]) {
        let Self {
            hub,
            socket,
            reader,
            closed,
            ..
        } = self;
        hub.connection().batch(|| {
            reader.read(bytes, |event| match event {
                Event::Data(data) if socket.state.get() == State::Open => hub.receive(data),
                Event::Ping(payload) => socket.pong(payload),
                Event::Close(_) if closed.is_none() => {
                    socket.answer_close(CloseCode::Normal);
                    *closed = Some(Outcome::Closed);
                }
                Event::Violation(code) if closed.is_none() => {
                    socket.answer_close(code);
                    *closed = Some(Outcome::Broken(code));
                }
                _ => {}
            });
        });
        if !socket.control.borrow().is_empty() {
            hub.connection().flush();
        }
    }
}
