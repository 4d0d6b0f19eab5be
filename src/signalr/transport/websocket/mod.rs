//! WebSockets: bytes in, bytes out, on a raw socket.
//!
//! Everything a connection has waiting leaves in one write, straight from the worker's flush; only a
//! socket that is not writable wakes its task. Reads go to one buffer that all sockets of a worker
//! share, so an idle connection owns none.

mod arrival;
pub mod frame;
mod task;
pub mod upgrade;

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    task::Waker,
};

use actix_ws::CloseCode;
use frame::{close_frame, write_pong};
use tokio::{net::tcp::OwnedWriteHalf, time::Instant};

use crate::signalr::connection::{Ending, Outbox, Transport};

/// Size of the buffers that the sockets of a worker share.
const SHARED_BUFFER: usize = 64 * 1024;
/// A message this large is written on its own, without copying.
const LARGE: usize = 16 * 1024;
/// Pongs that may wait; a client that pings faster than it reads gets no more.
const MAXIMUM_CONTROL: usize = 4 * 1024;

thread_local! {
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
        code: CloseCode,
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
            Ending::Normal => (CloseCode::Normal, false),
            Ending::Prompt => (CloseCode::Normal, true),
            Ending::Failed => (CloseCode::Error, false),
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
            let _ = self.write.try_write(&close_frame(CloseCode::Normal));
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

    fn pong(&self, payload: &[u8]) {
        let mut control = self.control.borrow_mut();
        if control.len() < MAXIMUM_CONTROL {
            write_pong(payload, &mut control);
        }
    }

    /// The client closes: our close frame goes out, unless it did before, and nothing after it.
    fn answer_close(&self, code: CloseCode) {
        if matches!(self.state.get(), State::Open | State::Ending { .. })
            && self.blocked_since.get().is_none()
        {
            let _ = self.write.try_write(&close_frame(code));
        }
        self.state.set(State::Dead);
    }
}
