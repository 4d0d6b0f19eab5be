//! One client's connection, apart from any socket: who it is, what waits to be sent, and the
//! transport that is attached at the moment.
//!
//! A connection belongs to one worker (one thread). Input from the client and the hub's life cycle
//! are in `hub::connection`; how bytes travel is in `transport`.

mod close;
mod flush;
mod frame;
mod id;
mod options;
mod outbox;
mod replay;
mod request;
mod transport;
mod user;

use std::{
    cell::{Cell, OnceCell, Ref, RefCell, RefMut},
    rc::Rc,
    sync::Arc,
    task::Poll,
};

pub use close::{CloseReason, Ending};
pub use flush::{FlushList, FlushQueue};
pub use frame::{Frame, shared_bytes};
pub use id::ConnectionId;
pub use options::{ConnectionOptions, TransportKind, Transports};
pub use outbox::{Outbox, OutboxFull, OutboxLimits};
pub use replay::{ReceivedCounter, ReplayBuffer, SequenceTooHigh};
pub use request::RequestData;
pub use transport::{ConnectionOwner, Transport};
pub use user::User;

use crate::signalr::protocol::Protocol;

/// One client on one hub, as the rest of the server sees it.
pub struct Connection {
    id: ConnectionId,
    user: Option<Arc<User>>,
    protocol: Cell<Protocol>,
    outbox: RefCell<Outbox>,
    transport: RefCell<Option<Rc<dyn Transport>>>,
    flush_queue: Rc<FlushQueue>,
    scheduled: Cell<bool>,
    scheduled_shared: Cell<bool>,
    batching: Cell<bool>,
    owner: OnceCell<std::rc::Weak<dyn ConnectionOwner>>,
    groups: RefCell<Vec<Arc<str>>>,
}

impl Connection {
    /// A connection that nothing is attached to yet.
    pub fn new(
        id: ConnectionId,
        user: Option<Arc<User>>,
        limits: OutboxLimits,
        flush_queue: Rc<FlushQueue>,
    ) -> Self {
        Self {
            id,
            user,
            protocol: Cell::new(Protocol::Json),
            outbox: RefCell::new(Outbox::new(limits)),
            transport: RefCell::new(None),
            flush_queue,
            scheduled: Cell::new(false),
            scheduled_shared: Cell::new(false),
            batching: Cell::new(false),
            owner: OnceCell::new(),
            groups: RefCell::default(),
        }
    }

    /// Who closes this connection when it must be closed. Set once.
    pub fn set_owner(&self, owner: std::rc::Weak<dyn ConnectionOwner>) {
        let _ = self.owner.set(owner);
    }

    /// Ends the connection on behalf of somebody outside of the hub.
    pub fn close(&self, reason: CloseReason) {
        if let Some(owner) = self.owner.get().and_then(std::rc::Weak::upgrade) {
            owner.close(reason);
        }
    }

    /// The public id.
    pub fn id(&self) -> &ConnectionId {
        &self.id
    }

    /// Whose connection it is.
    pub fn user(&self) -> Option<&Arc<User>> {
        self.user.as_ref()
    }

    /// The protocol of the handshake; JSON before it.
    pub fn protocol(&self) -> Protocol {
        self.protocol.get()
    }

    /// Set by the handshake.
    pub fn set_protocol(&self, protocol: Protocol) {
        self.protocol.set(protocol);
    }

    /// The groups this connection is in; kept by the lifetime manager.
    pub fn groups(&self) -> RefMut<'_, Vec<Arc<str>>> {
        self.groups.borrow_mut()
    }

    /// What waits to be sent.
    pub fn outbox(&self) -> Ref<'_, Outbox> {
        self.outbox.borrow()
    }

    /// What waits to be sent, to change it.
    pub fn outbox_mut(&self) -> RefMut<'_, Outbox> {
        self.outbox.borrow_mut()
    }

    /// A transport takes over; the former one is returned.
    pub fn attach(self: &Rc<Self>, transport: Rc<dyn Transport>) -> Option<Rc<dyn Transport>> {
        let former = self.transport.borrow_mut().replace(transport);
        self.flush();
        former
    }

    /// No transport for now; what is sent waits.
    pub fn detach(&self) {
        self.transport.borrow_mut().take();
    }

    /// Whether a transport is attached.
    pub fn is_attached(&self) -> bool {
        self.transport.borrow().is_some()
    }

    /// Queues a message of the connection's own without waiting for room.
    pub fn push(self: &Rc<Self>, frame: Frame) -> bool {
        let pushed = self.outbox.borrow_mut().push(frame);
        self.schedule_flush();
        pushed
    }

    /// Queues a message that others sent. A full outbox closes the connection, nothing waits.
    pub fn push_shared(self: &Rc<Self>, frame: Frame) {
        if self.push_or_close(frame) {
            self.schedule_shared_flush();
        }
    }

    /// Queues an answer that nothing waits for, so that its client could ask for ever more of them
    /// without reading any. A full outbox closes the connection.
    pub fn push_answer(self: &Rc<Self>, frame: Frame) {
        if self.push_or_close(frame) {
            self.schedule_flush();
        }
    }

    fn push_or_close(self: &Rc<Self>, frame: Frame) -> bool {
        let pushed = self.outbox.borrow_mut().push_bounded(frame);
        if let Err(error) = pushed {
            self.outbox.borrow_mut().close();
            if let Some(owner) = self.owner.get().and_then(std::rc::Weak::upgrade) {
                owner.overflowed(error);
            }
        }
        pushed.is_ok()
    }

    /// Queues a message of the connection's own as soon as there is room. False: it was closed.
    pub async fn send(self: &Rc<Self>, frame: Frame) -> bool {
        self.room().await;
        self.push(frame)
    }

    /// Waits until a message of the connection's own may be queued.
    pub async fn room(&self) {
        std::future::poll_fn(|context| {
            let mut outbox = self.outbox.borrow_mut();
            if !outbox.must_wait() {
                return Poll::Ready(());
            }
            outbox.wait_for_room(context.waker());
            Poll::Pending
        })
        .await;
    }

    /// The client acknowledged everything up to `sequence_id`.
    pub fn acknowledge(&self, sequence_id: i64) {
        self.outbox.borrow_mut().acknowledge(sequence_id);
    }

    /// Lets the transport write what waits, soon and together with what comes until then.
    pub fn schedule_flush(self: &Rc<Self>) {
        if !self.batching.get() && !self.scheduled.replace(true) {
            self.flush_queue.own.push(self);
        }
    }

    /// As [`schedule_flush`](Self::schedule_flush), but what comes a little later joins it too.
    fn schedule_shared_flush(self: &Rc<Self>) {
        let scheduled = self.batching.get() || self.scheduled.get();
        if !scheduled && !self.scheduled_shared.replace(true) {
            self.flush_queue.shared.push(self);
        }
    }

    /// Runs `work` and writes everything it made this connection send, at once.
    pub fn batch(self: &Rc<Self>, work: impl FnOnce()) {
        let nested = self.batching.replace(true);
        work();
        self.batching.set(nested);
        if !nested && !self.outbox.borrow().is_empty() {
            self.flush();
        }
    }

    /// Lets the transport write what waits, now.
    pub fn flush(self: &Rc<Self>) {
        let transport = self.transport.borrow().clone();
        if let Some(transport) = transport {
            transport.flush(&mut self.outbox.borrow_mut());
        }
    }

    fn run_own_flush(self: &Rc<Self>) {
        self.scheduled.set(false);
        self.flush();
    }

    fn run_shared_flush(self: &Rc<Self>) {
        self.scheduled_shared.set(false);
        self.flush();
    }

    /// Tells the transport that the connection is over and lets go of it.
    pub fn end(self: &Rc<Self>, ending: Ending) {
        self.outbox.borrow_mut().close();
        self.flush();
        let transport = self.transport.borrow_mut().take();
        if let Some(transport) = transport {
            transport.end(ending);
        }
    }
}
