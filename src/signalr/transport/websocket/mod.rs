//! WebSockets: bytes in, bytes out, on a raw socket.
//!
//! Everything a connection has waiting leaves in one write, straight from the worker's flush; only a
//! socket that is not writable wakes its task. Reads go to one buffer that all sockets of a worker
//! share, so an idle connection owns none.

pub mod frame;
pub mod upgrade;

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use frame::{Event, FrameReader, close_frame, write_pong};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    time::Instant,
};

use super::{
    record::{Attached, Record},
    registry::Connections,
};
use crate::signalr::{
    connection::{CloseReason, Ending, Outbox, Transport},
    hub::HubConnection,
};

/// Size of the buffers that the sockets of a worker share.
const SHARED_BUFFER: usize = 64 * 1024;
/// A message this large is written on its own, without copying.
const LARGE: usize = 16 * 1024;
/// Reads of one socket between two turns of others.
const READS_PER_TURN: usize = 4;
/// Pongs that may wait; a client that pings faster than it reads gets no more.
const MAXIMUM_CONTROL: usize = 4 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SHARED_BUFFER].into());
    static WRITE_BUFFER: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(SHARED_BUFFER));
}

/// One socket, as the connection's transport.
pub struct WebSocket {
    write: OwnedWriteHalf,
    state: Cell<State>,
    /// The socket took no more; its task waits until it does.
    blocked_since: Cell<Option<Instant>>,
    control: RefCell<Vec<u8>>,
    task: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// After what waits comes our close frame; then the client's is awaited, unless `prompt`.
    Ending {
        code: u16,
        prompt: bool,
    },
    /// Our close frame is out, the client's is awaited until then.
    Closing {
        until: Option<Instant>,
        prompt: bool,
    },
    /// The socket is done or of no use.
    Dead,
}

/// How a socket's task ended.
enum Outcome {
    /// A close frame came from the client.
    Closed,
    /// The socket broke, without one.
    Lost,
    /// We are done with it.
    Done,
}

impl Transport for WebSocket {
    fn flush(&self, outbox: &mut Outbox) {
        if self.blocked_since.get().is_some() || self.state.get() == State::Dead {
            return;
        }
        if let Err(error) = self.write_all(outbox) {
            if error.kind() == io::ErrorKind::WouldBlock {
                self.blocked_since.set(Some(Instant::now()));
            } else {
                self.state.set(State::Dead);
            }
            self.wake();
        }
    }

    fn end(&self, ending: Ending) {
        let (code, prompt) = match ending {
            Ending::Normal => (1000, false),
            Ending::Prompt => (1000, true),
            Ending::Failed => (1011, false),
            Ending::Cut => {
                let _ = socket2::SockRef::from(self.write.as_ref())
                    .set_linger(Some(std::time::Duration::ZERO));
                self.state.set(State::Dead);
                return self.wake();
            }
        };
        if self.state.get() == State::Open {
            self.state.set(State::Ending { code, prompt });
        }
        self.wake();
    }
}

impl WebSocket {
    fn new(write: OwnedWriteHalf) -> Rc<Self> {
        Rc::new(Self {
            write,
            state: Cell::new(State::Open),
            blocked_since: Cell::new(None),
            control: RefCell::default(),
            task: RefCell::default(),
        })
    }

    /// Another socket took over: this one says goodbye, if it is not within a message, and is not
    /// waited for. What waits belongs to the new one.
    fn supersede(&self, outbox: &Outbox) {
        if self.blocked_since.get().is_none() && !outbox.is_mid_frame() {
            let _ = self.write.try_write(&close_frame(1000));
        }
        self.state.set(State::Dead);
        self.wake();
    }

    fn wake(&self) {
        if let Some(task) = self.task.borrow_mut().take() {
            task.wake();
        }
    }

    /// Whether one write has taken longer than the limit, or the client never says goodbye.
    pub(super) fn tick(&self, now: Instant) {
        if let State::Closing {
            until: Some(until), ..
        } = self.state.get()
            && now >= until
        {
            self.state.set(State::Dead);
            self.wake();
        }
    }

    /// Since when the socket takes nothing.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since.get()
    }

    /// Writes what waits until it is out or the socket takes no more.
    fn write_all(&self, outbox: &mut Outbox) -> io::Result<()> {
        loop {
            let mut control = self.control.borrow_mut();
            if !control.is_empty() && !outbox.is_mid_frame() {
                let written = self.write.try_write(&control)?;
                control.drain(..written);
                continue;
            }
            drop(control);
            let Some((first, is_only)) = outbox.first() else {
                return Ok(());
            };
            let written = if is_only || first.len() >= LARGE {
                self.write.try_write(first)?
            } else {
                WRITE_BUFFER.with_borrow_mut(|buffer| {
                    buffer.clear();
                    outbox.gather(buffer, SHARED_BUFFER);
                    self.write.try_write(buffer)
                })?
            };
            outbox.advance(written);
            self.blocked_since.set(None);
        }
    }

    /// Our close frame, once everything before it is out.
    fn write_close(&self, outbox: &Outbox, close_timeout: std::time::Duration) {
        let State::Ending { code, prompt } = self.state.get() else {
            return;
        };
        if !outbox.is_empty() || self.blocked_since.get().is_some() {
            return;
        }
        let until = Some(Instant::now() + close_timeout);
        match self.write.try_write(&close_frame(code)) {
            Ok(4) => self.state.set(State::Closing { until, prompt }),
            _ => self.state.set(State::Dead),
        }
    }
}

/// Runs one socket from its upgrade to its end.
async fn run(
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
        Outcome::Done => {
            hub.close(CloseReason::ClientLeft);
            connections.remove(&record);
        }
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
                    socket.answer_close(1000);
                    *closed = Some(Outcome::Closed);
                }
                Event::Violation(code) if closed.is_none() => {
                    socket.answer_close(code);
                    *closed = Some(Outcome::Closed);
                }
                _ => {}
            });
        });
        if !socket.control.borrow().is_empty() {
            hub.connection().flush();
        }
    }
}

impl WebSocket {
    fn pong(&self, payload: &[u8]) {
        let mut control = self.control.borrow_mut();
        if control.len() < MAXIMUM_CONTROL {
            write_pong(payload, &mut control);
        }
    }

    /// The client closes: our close frame goes out, unless it did before, and nothing after it.
    fn answer_close(&self, code: u16) {
        if matches!(self.state.get(), State::Open | State::Ending { .. })
            && self.blocked_since.get().is_none()
        {
            let _ = self.write.try_write(&close_frame(code));
        }
        self.state.set(State::Dead);
    }
}
