//! Which worker a connection lives on, by its token.
//!
//! A fresh token claims a connection on the worker that meets it first; after that it only finds it.
//! An ended connection leaves a mark until its token can no longer claim, so that it is never made
//! again. Ids of version 0 are remembered until they are used, [`MAXIMUM_RESERVED`] at most: then the
//! oldest give way.

use std::{
    collections::VecDeque,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use ahash::RandomState;
use dashmap::{DashMap, mapref::entry::Entry};
use tokio::time::Instant;

use super::{
    record::{self, Record},
    token::{TokenKey, random_id},
};
use crate::signalr::{
    connection::ConnectionId,
    hub::HubEndpoint,
    lifetime::{Worker, WorkerId, Workers},
};

/// Unused version-0 ids that are remembered.
const MAXIMUM_RESERVED: usize = 100_000;

#[derive(Clone, Copy, Debug)]
enum Claim {
    /// Negotiated with version 0, not used yet.
    Reserved {
        hub: usize,
        stateful: bool,
    },
    Live(WorkerId),
    Ended,
}

/// All connections of a server on this instance.
pub struct Connections {
    key: TokenKey,
    bind_to_user: bool,
    claims: DashMap<Arc<str>, Claim, RandomState>,
    expiring: Mutex<VecDeque<(Instant, Arc<str>)>>,
    workers: Arc<Workers>,
}

/// Why a token finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No such connection.
    Unknown,
    /// It was negotiated by another user.
    Foreign,
}

/// What a token is good for.
struct Claimable {
    id: ConnectionId,
    stateful: bool,
    /// When the token can no longer claim.
    until: Instant,
}

impl Connections {
    /// Nobody yet.
    pub fn new(key: TokenKey, bind_to_user: bool, workers: Arc<Workers>) -> Self {
        Self {
            key,
            bind_to_user,
            claims: DashMap::default(),
            expiring: Mutex::default(),
            workers,
        }
    }

    /// The key tokens are signed with.
    pub fn key(&self) -> &TokenKey {
        &self.key
    }

    /// Remembers a new version-0 id.
    pub fn reserve(&self, hub: usize, stateful: bool, lifetime: Duration) -> ConnectionId {
        let id: Arc<str> = random_id().into();
        self.claims
            .insert(id.clone(), Claim::Reserved { hub, stateful });
        let mut expiring = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        expiring.push_back((Instant::now() + lifetime, id.clone()));
        if expiring.len() > MAXIMUM_RESERVED
            && let Some((_, oldest)) = expiring.pop_front()
        {
            self.claims
                .remove_if(&oldest, |_, claim| !matches!(claim, Claim::Live(_)));
        }
        ConnectionId::from(&*id)
    }

    /// Runs something where the connection of `token` lives, claiming it first if it is fresh.
    /// When the caller gives up, what runs is dropped.
    pub async fn at_home<R, F, Fut>(
        &self,
        endpoint: &(usize, Arc<HubEndpoint>),
        token: &str,
        user: Option<&str>,
        call: F,
    ) -> Result<R, Missing>
    where
        R: Send + 'static,
        F: FnOnce(Rc<Record>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        let home = self.home(endpoint, token, user)?;
        let token: Arc<str> = token.into();
        let found = self.workers.call(home, move || async move {
            Some(call(record::find(&token)?).await)
        });
        found.await.flatten().ok_or(Missing::Unknown)
    }

    /// The worker a token's connection lives on.
    pub fn home(
        &self,
        (hub, endpoint): &(usize, Arc<HubEndpoint>),
        token: &str,
        user: Option<&str>,
    ) -> Result<WorkerId, Missing> {
        let known = self.claims.get(token).map(|claim| *claim);
        let signed = self.key.verify(endpoint.path(), token);
        if let Some(signed) = &signed
            && self.bind_to_user
            && !self.key.belongs_to(signed, user)
        {
            return Err(Missing::Foreign);
        }
        let limit = endpoint.connection_options().disconnect_timeout;
        let claimable = match (known, signed) {
            (Some(Claim::Live(worker)), _) => return Ok(worker),
            (
                Some(Claim::Reserved {
                    hub: owner,
                    stateful,
                }),
                _,
            ) if owner == *hub => Claimable {
                id: token.into(),
                stateful,
                until: Instant::now(),
            },
            (None, Some(signed)) if signed.may_claim(limit, SystemTime::now()) => {
                let until = Instant::now() + limit;
                Claimable {
                    id: signed.connection_id,
                    stateful: signed.stateful,
                    until,
                }
            }
            _ => return Err(Missing::Unknown),
        };
        self.claim(endpoint, token, claimable)
    }

    /// The first to claim makes the connection, on its own worker.
    fn claim(
        &self,
        endpoint: &Arc<HubEndpoint>,
        token: &str,
        claimable: Claimable,
    ) -> Result<WorkerId, Missing> {
        let worker = Worker::current().ok_or(Missing::Unknown)?;
        let token: Arc<str> = token.into();
        match self.claims.entry(token.clone()) {
            Entry::Occupied(mut entry) => match *entry.get() {
                Claim::Live(home) => return Ok(home),
                Claim::Ended => return Err(Missing::Unknown),
                Claim::Reserved { .. } => {
                    entry.insert(Claim::Live(worker.id()));
                }
            },
            Entry::Vacant(entry) => {
                entry.insert(Claim::Live(worker.id()));
            }
        }
        record::insert(Record::new(
            token,
            claimable.id,
            endpoint.clone(),
            claimable.stateful,
            claimable.until,
        ));
        Ok(worker.id())
    }

    /// A connection without negotiation: its id is its token.
    pub fn open(&self, endpoint: &Arc<HubEndpoint>) -> Option<Rc<Record>> {
        let worker = Worker::current()?;
        let token: Arc<str> = random_id().into();
        self.claims.insert(token.clone(), Claim::Live(worker.id()));
        let id = ConnectionId::from(&*token);
        let record = Record::new(token, id, endpoint.clone(), false, Instant::now());
        record::insert(record.clone());
        Some(record)
    }

    /// A connection is over: its token never makes another one.
    pub fn remove(&self, record: &Record) {
        if !record::remove(record) {
            return;
        }
        if Instant::now() >= record.claimable_until() {
            self.claims.remove(record.token());
            return;
        }
        self.claims.insert(record.token().clone(), Claim::Ended);
        let mut expiring = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        expiring.push_back((record.claimable_until(), record.token().clone()));
    }

    /// Forgets ids and marks that have served their time.
    pub fn expire(&self, now: Instant) {
        let mut expiring = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        while expiring.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, token)) = expiring.pop_front() {
                self.claims
                    .remove_if(&token, |_, claim| !matches!(claim, Claim::Live(_)));
            }
        }
        if expiring.is_empty() && expiring.capacity() > 1_024 {
            expiring.shrink_to_fit();
            self.claims.shrink_to_fit();
        }
    }

    /// The server's workers.
    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }
}
