//! The HTTP side of a connection on its home worker: the transport it chose, what is attached, since
//! when nothing is. What is posted to it is in `posts`; all of a worker are found by `registry`.

mod posts;
mod registry;

pub use registry::{all, count, find, insert, remove};

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{Mutex, Notify},
    time::Instant,
};

use super::{
    counts::{Counted, Counts},
    forwarded_post::ForwardedPosts,
    long_polling::LongPolling,
    registry::NewConnection,
    websocket::WebSocket,
};
use crate::signalr::{
    connection::{CloseReason, ConnectionId, RequestData, TransportKind, User},
    fleet::ConnectionKey,
    hub::{HubConnection, HubEndpoint, Origin},
    lifetime::Worker,
};

/// What a transport attached to.
pub enum Attached {
    WebSocket(Rc<WebSocket>),
    LongPolling(Rc<LongPolling>),
    EventStream,
}

/// One connection's HTTP side.
pub struct Record {
    key: ConnectionKey,
    id: ConnectionId,
    endpoint: Arc<HubEndpoint>,
    stateful: bool,
    claimable_until: Instant,
    kind: Cell<Option<TransportKind>>,
    counts: Counts,
    counted: RefCell<Option<Counted>>,
    connected_at: Cell<i64>,
    hub: RefCell<Option<Rc<HubConnection>>>,
    attached: RefCell<Option<Attached>>,
    inactive_since: Cell<Option<Instant>>,
    early: RefCell<Vec<u8>>,
    moving: Cell<bool>,
    posts_elsewhere: RefCell<ForwardedPosts>,
    disposed: Cell<bool>,
    changed: Notify,
    posts: Mutex<()>,
}

impl Record {
    /// A connection that no transport has attached to yet.
    pub(super) fn new(
        key: ConnectionKey,
        endpoint: Arc<HubEndpoint>,
        new: NewConnection,
        counts: Counts,
    ) -> Rc<Self> {
        Rc::new(Self {
            key,
            id: new.id,
            endpoint,
            stateful: new.stateful,
            claimable_until: new.claimable_until,
            kind: Cell::new(None),
            counts,
            counted: RefCell::default(),
            connected_at: Cell::new(0),
            hub: RefCell::default(),
            attached: RefCell::default(),
            inactive_since: Cell::new(Some(Instant::now())),
            early: RefCell::new(new.early),
            moving: Cell::new(false),
            posts_elsewhere: RefCell::default(),
            disposed: Cell::new(false),
            changed: Notify::new(),
            posts: Mutex::new(()),
        })
    }

    /// The key requests find it by.
    pub fn key(&self) -> ConnectionKey {
        self.key
    }

    /// The public id.
    pub fn id(&self) -> &ConnectionId {
        &self.id
    }

    /// When the token can no longer claim a connection.
    pub fn claimable_until(&self) -> Instant {
        self.claimable_until
    }

    /// The hub's endpoint.
    pub fn endpoint(&self) -> &Arc<HubEndpoint> {
        &self.endpoint
    }

    /// The transport it is bound to, for ever.
    pub fn kind(&self) -> Option<TransportKind> {
        self.kind.get()
    }

    /// The hub's side, once a transport has attached.
    pub fn hub(&self) -> Option<Rc<HubConnection>> {
        self.hub.borrow().clone()
    }

    /// Whether stateful reconnect was negotiated.
    pub fn is_stateful(&self) -> bool {
        self.stateful
    }

    /// What is attached.
    pub fn attached(&self) -> std::cell::Ref<'_, Option<Attached>> {
        self.attached.borrow()
    }

    /// Remembers what is attached.
    pub fn attach(&self, attached: Attached) {
        *self.attached.borrow_mut() = Some(attached);
        self.inactive_since.set(None);
    }

    /// Nothing is attached from now on.
    pub fn detach(&self) {
        self.inactive_since.set(Some(Instant::now()));
    }

    /// A request is attached.
    pub fn activate(&self) {
        self.inactive_since.set(None);
    }

    /// Since when nothing is attached.
    pub fn inactive_since(&self) -> Option<Instant> {
        self.inactive_since.get()
    }

    /// The first transport request: the hub's side begins, with what was posted before. None: another
    /// instance takes the connection over at this moment, or it has ended.
    pub fn start(
        &self,
        kind: TransportKind,
        user: Option<User>,
        request: RequestData,
    ) -> Option<Rc<HubConnection>> {
        let worker = Worker::current()?;
        if self.moving.get() || self.disposed.get() {
            return None;
        }
        self.kind.set(Some(kind));
        *self.counted.borrow_mut() = Some(self.counts.count(kind));
        self.connected_at.set(now_milliseconds());
        let user = user.map(Arc::new);
        let stateful = self.stateful;
        let origin = Origin {
            id: self.id.clone(),
            user,
            request,
            transport: kind,
            stateful,
        };
        let hub = HubConnection::new(self.endpoint.clone(), worker, origin, Instant::now());
        *self.hub.borrow_mut() = Some(hub.clone());
        Some(hub)
    }

    /// When its transport came, in milliseconds since 1970.
    pub fn connected_at(&self) -> i64 {
        self.connected_at.get()
    }

    /// The socket was lost before the handshake: the next one starts over.
    pub fn start_over(&self) {
        self.hub.borrow_mut().take();
    }

    /// Ends the connection; waiting posts learn of it.
    pub fn dispose(&self, reason: CloseReason) {
        self.disposed.set(true);
        if let Some(hub) = self.hub() {
            hub.close(reason);
        }
        self.changed.notify_waiters();
    }

    /// Whether the connection was disposed.
    pub fn is_disposed(&self) -> bool {
        self.disposed.get()
    }
}

fn now_milliseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
