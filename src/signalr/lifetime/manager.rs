//! The lifetime manager of one hub: the registry of its connections on this instance. One instance
//! and many run the same code; the backplane is a trait.
//!
//! The ways of a message to the connections are beside it: [`send`](super::send) to many and to
//! one, [`ask`](super::ask) for a result, [`groups`](super::groups) of any connection, and
//! [`local`](super::local) for what comes from other instances.

use std::{
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use ahash::RandomState;
use dashmap::DashMap;
use tokio::sync::oneshot;

use super::{ClientResults, Message, Numbers, Worker, WorkerId, Workers};
use crate::signalr::{
    backplane::{Backplane, BackplaneError, InProcess, LocalConnections, Subscribing},
    connection::{Connection, ConnectionId},
    protocol::{EncodeArguments, EncodeError, Protocol},
};

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The arguments cannot be written in a protocol.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The other instances cannot be told.
    #[error(transparent)]
    Backplane(#[from] BackplaneError),
}

/// Who is connected to one hub, and who gets what.
pub struct HubLifetimeManager {
    name: String,
    type_name: String,
    place: OnceLock<Place>,
    directory: DashMap<ConnectionId, WorkerId, RandomState>,
    json: AtomicUsize,
    messagepack: AtomicUsize,
    results: ClientResults,
    numbers: Numbers,
    backplane: Arc<dyn Backplane>,
}

/// Where the hub runs once the server has started.
pub(super) struct Place {
    pub workers: Arc<Workers>,
    pub hub: usize,
}

impl HubLifetimeManager {
    /// The manager of a hub that is not served yet, on the only instance there is.
    /// `type_name` is what other instances and .NET senders would call the hub.
    pub fn new(name: &str, type_name: &str) -> Arc<Self> {
        Self::with_backplane(name, type_name, Arc::new(InProcess))
    }

    /// The manager of a hub that is not served yet, and begins to receive from other instances.
    pub fn with_backplane(name: &str, type_name: &str, backplane: Arc<dyn Backplane>) -> Arc<Self> {
        let manager = Arc::new(Self {
            name: name.into(),
            type_name: type_name.into(),
            place: OnceLock::new(),
            directory: DashMap::default(),
            json: AtomicUsize::new(0),
            messagepack: AtomicUsize::new(0),
            results: ClientResults::default(),
            numbers: Numbers::default(),
            backplane,
        });
        let local: Arc<dyn LocalConnections> = manager.clone();
        manager.backplane.start(Arc::downgrade(&local));
        manager
    }

    /// The server serves this hub as its `hub`-th. Once only.
    pub fn start(&self, workers: Arc<Workers>, hub: usize) -> bool {
        self.place.set(Place { workers, hub }).is_ok()
    }

    /// The hub's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hub's full .NET type name.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// How many connections the hub has here.
    pub fn connection_count(&self) -> usize {
        self.directory.len()
    }

    /// Whether a connection is here.
    pub fn contains(&self, id: &str) -> bool {
        self.directory.contains_key(id)
    }

    /// Which worker a connection lives on. None: it is not here.
    pub(super) fn worker_of(&self, id: &ConnectionId) -> Option<WorkerId> {
        self.directory.get(id.as_str()).map(|worker| *worker)
    }

    /// Whether there may be other instances.
    pub fn is_distributed(&self) -> bool {
        self.backplane.is_distributed()
    }

    /// What happened with this hub's connections here.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Open questions to clients.
    pub fn client_results(&self) -> &ClientResults {
        &self.results
    }

    /// The handshake was accepted: messages of this instance reach the connection from here on,
    /// those of others when what comes back has ended.
    pub fn connect(&self, worker: &Worker, connection: &Rc<Connection>) -> Option<Subscribing> {
        let place = self.place.get()?;
        self.counter(connection.protocol())
            .fetch_add(1, Ordering::Relaxed);
        worker.members_mut(place.hub).insert(connection);
        self.directory.insert(connection.id().clone(), worker.id());
        let user = connection.user().map(|user| user.id.as_str());
        self.backplane.connected(connection.id(), user)
    }

    /// The connection is over.
    pub fn disconnect(&self, worker: &Worker, connection: &Rc<Connection>) {
        let Some(place) = self.place.get() else {
            return;
        };
        if self.directory.remove(connection.id().as_str()).is_some() {
            self.counter(connection.protocol())
                .fetch_sub(1, Ordering::Relaxed);
            let groups = worker.members_mut(place.hub).remove(connection);
            let user = connection.user().map(|user| user.id.as_str());
            self.backplane.disconnected(connection.id(), user, &groups);
        }
    }

    /// Encodes a message for everybody who may get it: another instance always needs both protocols.
    pub fn encode(
        &self,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<Arc<Message>, EncodeError> {
        let distributed = self.is_distributed();
        let messagepack = distributed || self.messagepack.load(Ordering::Relaxed) > 0;
        let json = distributed || self.json.load(Ordering::Relaxed) > 0 || !messagepack;
        let protocols: &[Protocol] = match (json, messagepack) {
            (true, true) => &Protocol::ALL,
            (false, true) => &[Protocol::MessagePack],
            _ => &[Protocol::Json],
        };
        Message::encode(target, arguments, protocols).map(Arc::new)
    }

    pub(super) fn backplane(&self) -> &Arc<dyn Backplane> {
        &self.backplane
    }

    pub(super) fn place(&self) -> Option<&Place> {
        self.place.get()
    }

    /// The current thread's worker, if it is one of the server that serves this hub.
    pub(super) fn here(&self, place: &Place) -> Option<Rc<Worker>> {
        Worker::current().filter(|worker| Arc::ptr_eq(worker.workers(), &place.workers))
    }

    /// A connection of this very worker.
    pub(super) fn on_this_worker(&self, id: &ConnectionId) -> Option<Rc<Connection>> {
        let place = self.place.get()?;
        let here = self.here(place)?;
        here.members(place.hub).get(id.as_str()).cloned()
    }

    /// Runs something with a connection on its own thread. None: it is not here.
    pub(super) async fn with_connection<R, F, Fut>(&self, id: &ConnectionId, call: F) -> Option<R>
    where
        R: Send + 'static,
        F: FnOnce(Rc<Connection>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        let place = self.place.get()?;
        let worker = self.worker_of(id)?;
        let (hub, id) = (place.hub, id.clone());
        let found = place.workers.call(worker, move || async move {
            let connection = Worker::current()?.members(hub).get(id.as_str()).cloned()?;
            Some(call(connection).await)
        });
        found.await.flatten()
    }

    /// As [`with_connection`](Self::with_connection), from a thread that is no worker.
    pub(super) fn request_connection<R, F, Fut>(
        &self,
        id: &ConnectionId,
        call: F,
    ) -> Option<oneshot::Receiver<Option<R>>>
    where
        R: Send + 'static,
        F: FnOnce(Rc<Connection>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        let place = self.place.get()?;
        let worker = self.worker_of(id)?;
        let (hub, id) = (place.hub, id.clone());
        Some(place.workers.request(worker, move || async move {
            let connection = Worker::current()?.members(hub).get(id.as_str()).cloned()?;
            Some(call(connection).await)
        }))
    }

    /// Runs something on the worker that a connection lives on. None: it is not here.
    pub(super) async fn on_home<R: Send + 'static>(
        &self,
        id: &ConnectionId,
        call: impl FnOnce(&Worker, usize) -> R + Send + 'static,
    ) -> Option<R> {
        let place = self.place.get()?;
        let worker = self.worker_of(id)?;
        let hub = place.hub;
        let called = place.workers.call(worker, move || async move {
            Worker::current().map(|worker| call(&worker, hub))
        });
        called.await.flatten()
    }

    fn counter(&self, protocol: Protocol) -> &AtomicUsize {
        match protocol {
            Protocol::Json => &self.json,
            Protocol::MessagePack => &self.messagepack,
        }
    }
}
