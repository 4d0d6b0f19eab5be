//! One client of a hub on its worker: the state that input, calls, timers and the end share.
//!
//! `input` turns bytes into messages, `dispatch` calls methods, `timers` watches the clock,
//! `lifecycle` begins and ends. A transport feeds [`receive`](HubConnection::receive) and is attached
//! to the [`Connection`] for what goes out.

use std::{
    cell::{Cell, OnceCell, RefCell, RefMut},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::SystemTime,
};

use futures_util::future::AbortHandle;
use tokio::{sync::Notify, time::Instant};
use tracing::{Span, info_span};

use super::{
    Admitted, HubEndpoint, HubError, Items, input::Input, timers::Timers, upload::UploadSink,
};
use crate::signalr::{
    connection::{
        CloseReason, Connection, ConnectionId, ConnectionOwner, Frame, OutboxFull, OutboxLimits,
        ReceivedCounter, RequestData, TransportKind, User,
    },
    lifetime::Worker,
    protocol::{EncodeError, write},
};

/// Bytes of shared frames this process may hold before connections that are behind are closed.
const PROCESS_BACKLOG: usize = 1 << 30;

/// Where a connection comes from: everything that is known before the first byte.
pub struct Origin {
    /// The public id.
    pub id: ConnectionId,
    /// Who it is.
    pub user: Option<Arc<User>>,
    /// The request it came with.
    pub request: RequestData,
    /// How bytes travel.
    pub transport: TransportKind,
    /// Whether stateful reconnect was negotiated.
    pub stateful: bool,
}

/// Where in its life a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The handshake request is awaited.
    Handshaking,
    /// `on_connected` runs; input waits.
    Connecting,
    /// Messages are exchanged.
    Active,
    /// Everything was said; `on_disconnected` runs.
    Ending,
    /// Over.
    Ended,
}

/// One client of a hub.
pub struct HubConnection {
    pub(super) endpoint: Arc<HubEndpoint>,
    pub(super) worker: Rc<Worker>,
    pub(super) connection: Rc<Connection>,
    pub(super) request: RequestData,
    pub(super) transport: TransportKind,
    pub(super) began: Instant,
    pub(super) items: Items,
    pub(super) phase: Cell<Phase>,
    pub(super) stateful: Cell<bool>,
    pub(super) received: RefCell<Option<Box<ReceivedCounter>>>,
    pub(super) input: RefCell<Input>,
    pub(super) slots: Cell<usize>,
    pub(super) timers: RefCell<Timers>,
    pub(super) close_reason: RefCell<Option<CloseReason>>,
    pub(super) was_connected: Cell<bool>,
    pub(super) admitted: RefCell<Option<Admitted>>,
    pub(super) ticket_expires: Cell<Option<SystemTime>>,
    streams: RefCell<HashMap<String, AbortHandle>>,
    pub(super) uploads: RefCell<HashMap<String, Rc<dyn UploadSink>>>,
    ended: OnceCell<Notify>,
    span: Span,
}

impl HubConnection {
    /// A client that is about to send its handshake. `now` starts the handshake timer.
    pub fn new(
        endpoint: Arc<HubEndpoint>,
        worker: Rc<Worker>,
        origin: Origin,
        now: Instant,
    ) -> Rc<Self> {
        let options = endpoint.options();
        let limits = OutboxLimits {
            transport_buffer: endpoint
                .connection_options()
                .transport_max_buffer_size
                .max(1),
            stateful_buffer: options.stateful_reconnect_buffer_size,
            backlog: options.maximum_backlog,
            process_backlog: PROCESS_BACKLOG,
        };
        let span = info_span!(
            "connection",
            connection_id = %origin.id,
            hub = endpoint.lifetime().name(),
            transport = origin.transport.name(),
            user = origin.user.as_ref().map(|user| user.id.as_str()),
        );
        let ticket_expires = origin.user.as_ref().and_then(|user| user.expires_at);
        let connection = Rc::new(Connection::new(
            origin.id,
            origin.user,
            limits,
            worker.flush_queue().clone(),
        ));
        let slots = Cell::new(options.maximum_parallel_invocations_per_client.max(1));
        let timers = RefCell::new(Timers::new(options, now));
        let hub_connection = Rc::new(Self {
            endpoint,
            worker,
            connection,
            request: origin.request,
            transport: origin.transport,
            began: now,
            items: Items::default(),
            phase: Cell::new(Phase::Handshaking),
            stateful: Cell::new(origin.stateful),
            received: RefCell::default(),
            input: RefCell::default(),
            slots,
            timers,
            close_reason: RefCell::default(),
            was_connected: Cell::new(false),
            admitted: RefCell::default(),
            ticket_expires: Cell::new(ticket_expires),
            streams: RefCell::default(),
            uploads: RefCell::default(),
            ended: OnceCell::new(),
            span,
        });
        let owner: std::rc::Weak<dyn ConnectionOwner> =
            Rc::downgrade(&(hub_connection.clone() as Rc<dyn ConnectionOwner>));
        hub_connection.connection.set_owner(owner);
        hub_connection
    }

    /// The sending side, to which transports attach.
    pub fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// The hub.
    pub fn endpoint(&self) -> &Arc<HubEndpoint> {
        &self.endpoint
    }

    /// The request the connection came with.
    pub fn request(&self) -> &RequestData {
        &self.request
    }

    /// A later request of the same user: its ticket counts from now on.
    pub fn renew_ticket(&self, user: &User) {
        if self.connection.user().is_some_and(|it| it.id == user.id) {
            self.ticket_expires.set(user.expires_at);
        }
    }

    /// Whether a lost socket may be resumed.
    pub fn is_resumable(&self) -> bool {
        self.stateful.get() && matches!(self.phase.get(), Phase::Connecting | Phase::Active)
    }

    /// Whether the last word was said, so that nothing may attach any more.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase.get(), Phase::Ending | Phase::Ended)
            || self.close_reason.borrow().is_some()
    }

    /// Whether the handshake is still awaited.
    pub fn is_handshaking(&self) -> bool {
        self.phase.get() == Phase::Handshaking
    }

    /// Whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        self.phase.get() == Phase::Ended
    }

    /// Whether a call is under way; streams and calls that wait for their client do not count.
    pub fn is_calling(&self) -> bool {
        let all = self
            .endpoint
            .options()
            .maximum_parallel_invocations_per_client;
        self.slots.get() < all.max(1) && !self.has_ended()
    }

    /// Waits until the connection has ended.
    pub async fn ended(&self) {
        while !self.has_ended() {
            let notified = self.ended.get_or_init(Notify::new).notified();
            if self.has_ended() {
                break;
            }
            notified.await;
        }
    }

    /// The span for everything that is logged about this connection.
    pub fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn items(&self) -> &Items {
        &self.items
    }

    pub(super) fn is_connecting(&self) -> bool {
        self.phase.get() == Phase::Connecting
    }

    pub(super) fn detailed_errors(&self) -> bool {
        self.endpoint.options().enable_detailed_errors
    }

    pub(super) fn streams(&self) -> RefMut<'_, HashMap<String, AbortHandle>> {
        self.streams.borrow_mut()
    }

    pub(super) fn notify_ended(&self) {
        if let Some(ended) = self.ended.get() {
            ended.notify_waiters();
        }
    }

    /// A call ended or waits for its client: the next one may start.
    pub(super) fn release_slot(self: &Rc<Self>) {
        self.slots.set(self.slots.get() + 1);
        self.resume_input();
    }

    /// A message cannot be written: the connection ends as the reference's does.
    pub(super) fn write_failed(self: &Rc<Self>, error: &EncodeError) {
        let message = error.to_string();
        self.close(CloseReason::Violation {
            exception: "ArgumentException",
            message,
        });
    }

    /// An error completion in the connection's protocol.
    pub(super) fn error_completion(&self, invocation_id: &str, text: &str) -> Frame {
        let protocol = self.connection.protocol();
        Frame::encode(protocol, true, |out| {
            write::write_error(protocol, out, invocation_id, text);
            Ok(())
        })
        .unwrap_or_else(|error| unreachable!("text can always be written: {error}"))
    }

    /// What the hub hears in `on_disconnected`.
    pub(super) fn disconnect_error(reason: &CloseReason) -> Option<HubError> {
        match reason {
            CloseReason::ClientClosed(Some(text)) => Some(HubError::new(text.clone())),
            reason if reason.is_error() => {
                Some(HubError::internal("ConnectionError", reason.to_string()))
            }
            _ => None,
        }
    }
}

impl ConnectionOwner for HubConnection {
    fn overflowed(self: Rc<Self>, error: OutboxFull) {
        tokio::task::spawn_local(async move { self.close(CloseReason::SlowReader(error)) });
    }

    fn close(self: Rc<Self>, reason: CloseReason) {
        HubConnection::close(&self, reason);
    }
}
