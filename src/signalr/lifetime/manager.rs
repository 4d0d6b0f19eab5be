//! The lifetime manager of one hub: the registry of its connections on this instance and the way a
//! message takes to them. One instance and many run the same code; the backplane is a trait.

use std::{
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use ahash::RandomState;
use dashmap::DashMap;
use smallvec::SmallVec;

use super::{
    ClientResult, ClientResults, Message, Target, Worker, WorkerId, Workers, worker::Delivery,
};
use crate::signalr::{
    backplane::{Backplane, BackplaneError, Envelope, InProcess},
    connection::{Connection, ConnectionId, Frame},
    protocol::{EncodeArguments, EncodeError, Protocol, write},
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
    backplane: Arc<dyn Backplane>,
}

/// Where the hub runs once the server has started.
struct Place {
    workers: Arc<Workers>,
    hub: usize,
}

impl HubLifetimeManager {
    /// The manager of a hub that is not served yet. `type_name` is the name other instances know.
    pub fn new(name: &str, type_name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            type_name: type_name.into(),
            place: OnceLock::new(),
            directory: DashMap::default(),
            json: AtomicUsize::new(0),
            messagepack: AtomicUsize::new(0),
            results: ClientResults::default(),
            backplane: Arc::new(InProcess),
        })
    }

    /// The server serves this hub as its `hub`-th. Once only.
    pub fn start(&self, workers: Arc<Workers>, hub: usize) -> bool {
        self.place.set(Place { workers, hub }).is_ok()
    }

    /// The hub's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many connections the hub has here.
    pub fn connection_count(&self) -> usize {
        self.directory.len()
    }

    /// Whether a connection is here.
    pub fn contains(&self, id: &str) -> bool {
        self.directory.contains_key(id)
    }

    /// Open questions to clients.
    pub fn client_results(&self) -> &ClientResults {
        &self.results
    }

    /// The handshake was accepted: messages reach the connection from here on.
    pub fn connect(&self, worker: &Worker, connection: &Rc<Connection>) {
        let Some(place) = self.place.get() else {
            return;
        };
        self.counter(connection.protocol())
            .fetch_add(1, Ordering::Relaxed);
        worker.members_mut(place.hub).insert(connection);
        self.directory.insert(connection.id().clone(), worker.id());
    }

    /// The connection is over.
    pub fn disconnect(&self, worker: &Worker, connection: &Rc<Connection>) {
        let Some(place) = self.place.get() else {
            return;
        };
        if self.directory.remove(connection.id().as_str()).is_some() {
            self.counter(connection.protocol())
                .fetch_sub(1, Ordering::Relaxed);
            worker.members_mut(place.hub).remove(connection);
        }
    }

    /// Encodes a message for everybody who may get it.
    pub fn encode(
        &self,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<Arc<Message>, EncodeError> {
        let messagepack = self.messagepack.load(Ordering::Relaxed) > 0;
        let json = self.json.load(Ordering::Relaxed) > 0 || !messagepack;
        let protocols: &[Protocol] = match (json, messagepack) {
            (true, true) => &[Protocol::Json, Protocol::MessagePack],
            (false, true) => &[Protocol::MessagePack],
            _ => &[Protocol::Json],
        };
        Message::encode(target, arguments, protocols).map(Arc::new)
    }

    /// Sends to many: members on this worker first, then those on the others, then other instances.
    pub async fn send(
        &self,
        target: Target,
        excluded: Arc<[ConnectionId]>,
        message: Arc<Message>,
    ) -> Result<(), SendError> {
        let Some(place) = self.place.get() else {
            return Ok(());
        };
        let here = self.here(place);
        if let Some(worker) = &here {
            worker
                .members(place.hub)
                .deliver(&target, &excluded, &message);
        }
        let mut receipts = SmallVec::<[_; 4]>::new();
        for worker in 0..place.workers.len() {
            if here.as_ref().is_some_and(|here| here.id() == worker) {
                continue;
            }
            let (target, excluded, message) = (target.clone(), excluded.clone(), message.clone());
            let delivery = Delivery {
                hub: place.hub,
                target,
                excluded,
                message,
            };
            receipts.push(place.workers.deliver(worker, delivery).await);
        }
        for receipt in receipts {
            let _ = receipt.await;
        }
        let envelope = Envelope {
            hub: &self.type_name,
            target: &target,
            excluded: &excluded,
            message: &message,
        };
        Ok(self.backplane.publish(envelope)?)
    }

    /// Sends to one connection and waits for room there; an unknown one is no error.
    pub async fn send_connection(
        &self,
        id: &ConnectionId,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<(), SendError> {
        if let Some(connection) = self.local(id) {
            let protocol = connection.protocol();
            let frame = Frame::encode(protocol, true, |out| {
                write::write_invocation(protocol, out, None, target, arguments)
            })?;
            connection.send(frame).await;
            return Ok(());
        }
        let message = Arc::new(Message::encode(
            target,
            arguments,
            &[Protocol::Json, Protocol::MessagePack],
        )?);
        if !self.contains(id.as_str()) {
            let target = Target::Connections(Arc::from([id.clone()]));
            return self.send(target, Arc::from([]), message).await;
        }
        self.with_connection(id, move |connection| async move {
            if let Ok(frame) = message.frame(connection.protocol()) {
                connection.send(frame.clone()).await;
            }
        })
        .await;
        Ok(())
    }

    /// Asks a client for a result and waits for it. None: there is no such connection.
    pub async fn ask(
        &self,
        id: &ConnectionId,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<Option<ClientResult>, SendError> {
        let mut question = self.results.ask(id.clone());
        let mut frames = Vec::with_capacity(2);
        for protocol in [Protocol::Json, Protocol::MessagePack] {
            frames.push(Frame::encode(protocol, true, |out| {
                write::write_invocation(protocol, out, Some(&question.id), target, arguments)
            })?);
        }
        let asked = self.with_connection(id, move |connection| async move {
            connection
                .send(frames.swap_remove(connection.protocol() as usize))
                .await
        });
        if asked.await != Some(true) {
            return Ok(None);
        }
        Ok(Some(
            (&mut question.answer)
                .await
                .unwrap_or(ClientResult::Disconnected),
        ))
    }

    /// Adds a connection to a group. False: it is not here.
    pub async fn add_to_group(&self, id: &ConnectionId, group: &str) -> bool {
        let (hub, id_there, group) = (self.hub(), id.clone(), group.to_owned());
        self.on_home(id, move |worker| {
            worker.members_mut(hub).join(id_there.as_str(), &group)
        })
        .await
            == Some(true)
    }

    /// Takes a connection out of a group. False: it is not here.
    pub async fn remove_from_group(&self, id: &ConnectionId, group: &str) -> bool {
        let (hub, id_there, group) = (self.hub(), id.clone(), group.to_owned());
        self.on_home(id, move |worker| {
            worker.members_mut(hub).leave(id_there.as_str(), &group)
        })
        .await
            == Some(true)
    }

    /// A connection of this very worker.
    fn local(&self, id: &ConnectionId) -> Option<Rc<Connection>> {
        let place = self.place.get()?;
        let here = self.here(place)?;
        here.members(place.hub).get(id.as_str()).cloned()
    }

    /// Runs something with a connection on its own thread. None: it is not here.
    async fn with_connection<R, F, Fut>(&self, id: &ConnectionId, call: F) -> Option<R>
    where
        R: Send + 'static,
        F: FnOnce(Rc<Connection>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        let place = self.place.get()?;
        let worker = *self.directory.get(id.as_str())?;
        let (hub, id) = (place.hub, id.clone());
        let found = place.workers.call(worker, move || async move {
            let connection = Worker::current()?.members(hub).get(id.as_str()).cloned()?;
            Some(call(connection).await)
        });
        found.await.flatten()
    }

    async fn on_home<R: Send + 'static>(
        &self,
        id: &ConnectionId,
        call: impl FnOnce(&Worker) -> R + Send + 'static,
    ) -> Option<R> {
        let place = self.place.get()?;
        let worker = *self.directory.get(id.as_str())?;
        let called = place.workers.call(worker, move || async move {
            Worker::current().map(|worker| call(&worker))
        });
        called.await.flatten()
    }

    fn here(&self, place: &Place) -> Option<Rc<Worker>> {
        Worker::current().filter(|worker| Arc::ptr_eq(worker.workers(), &place.workers))
    }

    fn hub(&self) -> usize {
        self.place.get().map_or(0, |place| place.hub)
    }

    fn counter(&self, protocol: Protocol) -> &AtomicUsize {
        match protocol {
            Protocol::Json => &self.json,
            Protocol::MessagePack => &self.messagepack,
        }
    }
}
