//! The HTTP side of a connection on its home worker: the transport it chose, what was posted before
//! it had one, since when nothing is attached. The records of a worker are found by the token's key.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ahash::RandomState;
use futures_util::FutureExt;
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

/// How long a connection that moves waits for a body that is being posted.
const POST_UNDERWAY: Duration = Duration::from_secs(5);
/// What may have been posted to a connection that moves: it travels in one message.
const MOST_MOVED: usize = 1 << 20;

thread_local! {
    static RECORDS: RefCell<HashMap<ConnectionKey, Rc<Record>, RandomState>> = RefCell::default();
}

/// Finds a connection of this worker.
pub fn find(key: ConnectionKey) -> Option<Rc<Record>> {
    RECORDS.with(|records| records.borrow().get(&key).cloned())
}

/// Adds a connection to this worker.
pub fn insert(record: Rc<Record>) {
    RECORDS.with(|records| records.borrow_mut().insert(record.key, record));
}

/// Takes a connection out; false if it was not there any more. One that moved away and came back has
/// the key of its former record, which is not it.
pub fn remove(record: &Record) -> bool {
    RECORDS.with(|records| {
        let mut records = records.borrow_mut();
        let found = records.get(&record.key);
        let is_it = found.is_some_and(|found| std::ptr::eq(&raw const **found, record));
        let removed = is_it && records.remove(&record.key).is_some();
        if records.len() * 8 < records.capacity() && records.capacity() > 1_024 {
            let room = records.len() * 2;
            records.shrink_to(room);
        }
        removed
    })
}

/// All connections of this worker.
pub fn all() -> Vec<Rc<Record>> {
    RECORDS.with(|records| records.borrow().values().cloned().collect())
}

/// How many connections this worker has.
pub fn count() -> usize {
    RECORDS.with(|records| records.borrow().len())
}

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

    /// Hands over what was posted before there was a transport.
    pub fn feed_early(&self) {
        let early = std::mem::take(&mut *self.early.borrow_mut());
        if let (Some(hub), false) = (self.hub(), early.is_empty()) {
            hub.receive(&early);
        }
        self.changed.notify_waiters();
    }

    /// Takes posted bytes, as soon as there is room. False: the connection is over.
    pub async fn receive(&self, bytes: &[u8]) -> bool {
        let limit = self
            .endpoint
            .connection_options()
            .application_max_buffer_size
            .max(1);
        loop {
            let changed = self.changed.notified();
            if self.disposed.get() {
                return false;
            }
            if let Some(hub) = self.hub() {
                tokio::select! {
                    () = hub.wants_input() => {}
                    () = hub.ended() => {}
                }
                hub.receive(bytes);
                return !self.disposed.get();
            }
            // Of one that moves the body underway is taken whole: half of it is no use to anybody.
            let room = if self.moving.get() {
                MOST_MOVED.max(limit)
            } else {
                limit
            };
            if self.early.borrow().len() < room {
                self.early.borrow_mut().extend_from_slice(bytes);
                return true;
            }
            if self.moving.get() {
                self.dispose(CloseReason::ClientLeft);
                return false;
            }
            changed.await;
        }
    }

    /// Waits until a post may be answered: what it brought is below the buffer's limit.
    pub async fn accepted(&self) -> bool {
        if self.has_room() {
            // The bytes were taken, whatever they made of the connection.
            return true;
        }
        loop {
            let changed = self.changed.notified();
            if self.disposed.get() {
                return false;
            }
            if self.moving.get() {
                return true;
            }
            let limit = self
                .endpoint
                .connection_options()
                .application_max_buffer_size
                .max(1);
            match self.hub() {
                Some(hub) if hub.wants_input().now_or_never().is_some() => return true,
                Some(hub) => {
                    tokio::select! {
                        () = hub.wants_input() => {}
                        () = changed => {}
                    }
                }
                None if self.early.borrow().len() < limit => return true,
                None => changed.await,
            }
        }
    }

    fn has_room(&self) -> bool {
        match self.hub() {
            Some(hub) => hub.wants_input().now_or_never().is_some(),
            None => self.early.borrow().is_empty(),
        }
    }

    /// Another instance takes the connection over before it has a transport: what was posted so
    /// far. None: it cannot be, a post is too large or does not end. Posts wait until the turn,
    /// which comes along, is dropped; then this is not their connection's home any more.
    pub async fn give_away(&self) -> Option<(Vec<u8>, tokio::sync::MutexGuard<'_, ()>)> {
        if self.moving.replace(true) {
            return None;
        }
        self.changed.notify_waiters();
        let turn = tokio::time::timeout(POST_UNDERWAY, self.posts.lock()).await;
        if turn.is_err() || self.disposed.get() || self.kind.get().is_some() {
            self.moving.set(false);
            return None;
        }
        let turn = turn.ok()?;
        Some((std::mem::take(&mut *self.early.borrow_mut()), turn))
    }

    /// It was not given away after all.
    pub fn keep(&self, early: Vec<u8>) {
        self.moving.set(false);
        *self.early.borrow_mut() = early;
    }

    /// Whether another instance takes it over.
    pub fn is_moving(&self) -> bool {
        self.moving.get()
    }

    /// Bodies that come in pieces from other instances.
    pub fn forwarded_posts(&self) -> std::cell::RefMut<'_, ForwardedPosts> {
        self.posts_elsewhere.borrow_mut()
    }

    /// One post at a time.
    pub async fn post_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.posts.lock().await
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
