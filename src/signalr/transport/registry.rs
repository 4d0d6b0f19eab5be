//! Which connections this instance is the home of, and on which worker each one lives.
//!
//! A fresh token claims a connection on the worker that meets it first (see [`locate`](super::locate));
//! after that it only finds it. An ended connection leaves a mark until its token can no longer claim,
//! so that it is never made again. Ids of version 0 are remembered until they are used,
//! [`MAXIMUM_RESERVED`] at most: then the oldest give way.

use std::{
    collections::VecDeque,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use ahash::RandomState;
use dashmap::{DashMap, mapref::entry::Entry};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    counts::Counts,
    record::{self, Record},
    token::random_id,
    token_keys::TokenKeys,
};
use crate::signalr::{
    connection::ConnectionId,
    fleet::{ConnectionKey, Fleet},
    hub::HubEndpoint,
    lifetime::{Worker, WorkerId, Workers},
};

/// Unused version-0 ids that are remembered.
const MAXIMUM_RESERVED: usize = 100_000;

/// What is known here of a connection. `hub` is the hub's number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim {
    /// Negotiated with version 0, not used yet.
    Reserved {
        hub: usize,
        stateful: bool,
        issued: SystemTime,
    },
    /// It lives here. `listed`: the fleet's directory knows it.
    Live {
        hub: usize,
        worker: WorkerId,
        listed: bool,
    },
    /// It lived here.
    Ended,
}

/// All connections of a server on this instance.
pub struct Connections {
    keys: TokenKeys,
    pub(super) bind_to_user: bool,
    claims: DashMap<ConnectionKey, Claim, RandomState>,
    expiring: Mutex<VecDeque<(Instant, ConnectionKey)>>,
    workers: Arc<Workers>,
    fleet: Option<Arc<Fleet>>,
    draining: CancellationToken,
    /// Of each hub.
    counts: Vec<Counts>,
}

/// What a new connection is made of.
pub(super) struct NewConnection {
    pub id: ConnectionId,
    pub stateful: bool,
    /// When its token can no longer claim.
    pub claimable_until: Instant,
    /// What was posted before there was a transport.
    pub early: Vec<u8>,
}

impl Connections {
    /// Nobody yet. Without a fleet this is the only instance.
    pub(super) fn new(
        keys: TokenKeys,
        bind_to_user: bool,
        (workers, hubs): (Arc<Workers>, usize),
        fleet: Option<Arc<Fleet>>,
    ) -> Self {
        Self {
            keys,
            bind_to_user,
            claims: DashMap::default(),
            expiring: Mutex::default(),
            workers,
            fleet,
            draining: CancellationToken::new(),
            counts: (0..hubs).map(|_| Counts::default()).collect(),
        }
    }

    /// How many connections a hub has here.
    pub(super) fn counts(&self, hub: usize) -> &Counts {
        &self.counts[hub]
    }

    /// The keys tokens are signed with.
    pub fn keys(&self) -> &TokenKeys {
        &self.keys
    }

    /// The other instances.
    pub(super) fn fleet(&self) -> Option<&Arc<Fleet>> {
        self.fleet.as_ref()
    }

    /// From now on this instance makes no new connections.
    pub(super) fn drain(&self) {
        self.draining.cancel();
    }

    /// Whether this instance makes no new connections any more.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Waits until this instance makes no new connections any more.
    pub(super) async fn drained(&self) {
        self.draining.cancelled().await;
    }

    /// The server's workers.
    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    /// What is known here of a connection.
    pub(super) fn known(&self, key: ConnectionKey) -> Option<Claim> {
        self.claims.get(&key).map(|claim| *claim)
    }

    /// Remembers a new version-0 id.
    pub fn reserve(&self, hub: usize, stateful: bool, lifetime: Duration) -> ConnectionId {
        let id = random_id();
        let key = ConnectionKey::of(&id);
        let issued = SystemTime::now();
        let claim = Claim::Reserved {
            hub,
            stateful,
            issued,
        };
        self.claims.insert(key, claim);
        let mut expiring = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        expiring.push_back((Instant::now() + lifetime, key));
        if expiring.len() > MAXIMUM_RESERVED
            && let Some((_, oldest)) = expiring.pop_front()
        {
            self.claims
                .remove_if(&oldest, |_, claim| !matches!(claim, Claim::Live { .. }));
        }
        ConnectionId::from(id)
    }

    /// Makes a connection on this worker, unless it was made in the meantime: then it is found. None:
    /// it has ended already, or this thread is no worker.
    pub(super) fn insert(
        &self,
        (hub, endpoint): &(usize, Arc<HubEndpoint>),
        key: ConnectionKey,
        new: NewConnection,
    ) -> Option<WorkerId> {
        let worker = Worker::current()?;
        let claim = Claim::Live {
            hub: *hub,
            worker: worker.id(),
            listed: self.fleet.is_some(),
        };
        match self.claims.entry(key) {
            Entry::Occupied(mut entry) => match *entry.get() {
                Claim::Live { worker, .. } => return Some(worker),
                Claim::Ended => return None,
                Claim::Reserved { .. } => {
                    entry.insert(claim);
                }
            },
            Entry::Vacant(entry) => {
                entry.insert(claim);
            }
        }
        let counts = self.counts[*hub].clone();
        record::insert(Record::new(key, endpoint.clone(), new, counts));
        Some(worker.id())
    }

    /// A connection without negotiation: its id is its token, and nobody else ever learns it. So
    /// the directory need not know it.
    pub fn open(&self, (hub, endpoint): &(usize, Arc<HubEndpoint>)) -> Option<Rc<Record>> {
        let worker = Worker::current()?;
        let id = random_id();
        let key = ConnectionKey::of(&id);
        let claim = Claim::Live {
            hub: *hub,
            worker: worker.id(),
            listed: false,
        };
        self.claims.insert(key, claim);
        let new = NewConnection {
            id: ConnectionId::from(id),
            stateful: false,
            claimable_until: Instant::now(),
            early: Vec::new(),
        };
        let counts = self.counts[*hub].clone();
        let record = Record::new(key, endpoint.clone(), new, counts);
        record::insert(record.clone());
        Some(record)
    }

    /// Runs something where a connection of this instance lives; it gets nothing if the connection
    /// is not there any more. None: the worker stopped. When the caller gives up, what runs is
    /// dropped.
    pub async fn at_home<R, F, Fut>(&self, home: WorkerId, key: ConnectionKey, call: F) -> Option<R>
    where
        R: Send + 'static,
        F: FnOnce(Option<Rc<Record>>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        self.workers
            .call(home, move || call(record::find(key)))
            .await
    }

    /// A connection is over: its token never makes another one.
    pub fn remove(&self, record: &Record) {
        if !record::remove(record) {
            return;
        }
        let (key, now) = (record.key(), Instant::now());
        let remembered = record.claimable_until().saturating_duration_since(now);
        let was = if remembered.is_zero() {
            self.claims.remove(&key).map(|(_, claim)| claim)
        } else {
            let mut expiring = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
            expiring.push_back((record.claimable_until(), key));
            self.claims.insert(key, Claim::Ended)
        };
        if let (Some(fleet), Some(Claim::Live { listed: true, .. })) = (&self.fleet, was) {
            fleet.directory().release(key, remembered);
        }
    }

    /// A connection has another home from now on: nothing of it stays here.
    pub(super) fn forget(&self, record: &Record) {
        record::remove(record);
        self.claims.remove(&record.key());
    }

    /// The connections that the directory must know.
    pub(super) fn listed(&self) -> Vec<ConnectionKey> {
        let is_listed = |claim: &Claim| matches!(claim, Claim::Live { listed: true, .. });
        self.claims
            .iter()
            .filter(|claim| is_listed(claim))
            .map(|claim| *claim.key())
            .collect()
    }

    /// Forgets ids and marks that have served their time.
    pub fn expire(&self, now: Instant) {
        let mut expiring = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        while expiring.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, key)) = expiring.pop_front() {
                self.claims
                    .remove_if(&key, |_, claim| !matches!(claim, Claim::Live { .. }));
            }
        }
        if expiring.is_empty() && expiring.capacity() > 1_024 {
            expiring.shrink_to_fit();
            self.claims.shrink_to_fit();
        }
    }
}
