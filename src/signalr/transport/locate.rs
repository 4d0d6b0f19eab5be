//! Where the connection of a request lives, by its token: here, on another instance, or nowhere.
//!
//! A fresh token claims a connection for the instance that meets it first. Alone, that is decided
//! here; in a fleet by one round trip to the directory in Redis. While Redis does not answer, an
//! instance claims for itself what cannot have a home yet, and says later what it has claimed;
//! anything else waits, for nobody can say that it does not exist.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::time::{Instant, sleep};

use super::{
    dispatch::Numbered,
    registry::{Claim, Connections, NewConnection},
    token::{CLOCK_DIFFERENCE, TOKEN_BYTES, Token},
};
use crate::{
    redis::InstanceId,
    signalr::{
        connection::ConnectionId,
        fleet::{Claiming, ConnectionKey, Fleet, Located, Unavailable},
        lifetime::WorkerId,
    },
};

/// A directory that may be incomplete is asked again after this.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a connection lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// On this worker.
    Here(WorkerId),
    /// On another instance.
    There(InstanceId),
}

/// Why a token finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No such connection.
    Unknown,
    /// It was negotiated by another user.
    Foreign,
    /// Redis did not answer in time, and without it nobody knows.
    Unavailable,
    /// It would be made now, but this instance is about to stop.
    Draining,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A socket or an event stream: there is no connection before it, unless it is refused anyway.
    Transport,
    /// A poll or a post: its connection may exist already, wherever that is.
    Message,
}

/// What a request's token may make, if there is nothing yet.
struct Claimable {
    issued: SystemTime,
    /// By this instance.
    is_own: bool,
    new: NewConnection,
}

/// A request's token, read once.
pub struct Caller {
    pub key: ConnectionKey,
    pub user: Option<String>,
    token: String,
    signed: Option<Token>,
}

impl Caller {
    /// Whether the token was read, and so its user checked.
    pub fn is_checked(&self) -> bool {
        self.signed.is_some()
    }

    /// Whether stateful reconnect was negotiated, as far as the token tells.
    pub fn is_stateful(&self) -> bool {
        self.signed.as_ref().is_some_and(|token| token.stateful)
    }
}

impl Connections {
    /// Reads the token of a request to a hub. An instance that has just started must know the
    /// fleet's key first.
    pub async fn caller(
        &self,
        (_, endpoint): &Numbered,
        token: &str,
        user: Option<&str>,
    ) -> Result<Caller, Missing> {
        if let Some(fleet) = self.fleet() {
            fleet.met().await;
        }
        let signed = match self.keys().verify(endpoint.path(), token, user) {
            Some((_, false)) if self.bind_to_user => return Err(Missing::Foreign),
            signed => signed.map(|(token, _)| token),
        };
        Ok(Caller {
            key: ConnectionKey::of(token),
            user: user.map(str::to_owned),
            token: token.to_owned(),
            signed,
        })
    }

    /// Whether a token could be one of a connection, as far as can be told without asking.
    pub fn is_plausible(&self, hub: &Numbered, token: &str) -> bool {
        self.known(ConnectionKey::of(token)).is_some()
            || self.keys().verify(hub.1.path(), token, None).is_some()
    }

    /// Finds or claims the connection of a request. `patience` is how long it may take if Redis does
    /// not answer, or came back so lately that it may not know everything.
    pub async fn locate(
        self: &Arc<Self>,
        hub: &Numbered,
        caller: &Caller,
        purpose: Purpose,
        patience: Duration,
    ) -> Result<Location, Missing> {
        let deadline = Instant::now() + patience;
        loop {
            let claimable = match self.known(caller.key) {
                Some(Claim::Live {
                    hub: owner, worker, ..
                }) if owner == hub.0 => {
                    return Ok(Location::Here(worker));
                }
                Some(Claim::Reserved {
                    hub: owner,
                    stateful,
                    issued,
                }) if owner == hub.0 => Some(reserved(caller, stateful, issued)),
                Some(_) => return Err(Missing::Unknown),
                None => self.fresh(hub, caller),
            };
            let (claimable, nowhere) = match claimable {
                Some(_) if self.is_draining() => (None, Missing::Draining),
                claimable => (claimable, Missing::Unknown),
            };
            let Some(fleet) = self.fleet() else {
                let made = claimable.and_then(|it| self.insert(hub, caller.key, it.new));
                return made.map(Location::Here).ok_or(nowhere);
            };
            if claimable.is_none() && !may_be_elsewhere(&caller.token) {
                return Err(nowhere);
            }
            match self
                .ask_directory(fleet, hub, caller, purpose, claimable)
                .await
            {
                Ok(Some(location)) => return Ok(location),
                Ok(None) if Instant::now() < deadline => sleep(PAUSE).await,
                Ok(None) => return Err(Missing::Unavailable),
                Err(Missing::Unknown) => return Err(nowhere),
                Err(missing) => return Err(missing),
            }
        }
    }

    /// One round trip. None: nobody can say yet.
    async fn ask_directory(
        self: &Arc<Self>,
        fleet: &Arc<Fleet>,
        hub: &Numbered,
        caller: &Caller,
        purpose: Purpose,
        claimable: Option<Claimable>,
    ) -> Result<Option<Location>, Missing> {
        let (this, fleet, hub, key) = (self.clone(), fleet.clone(), hub.clone(), caller.key);
        let unsigned = caller.signed.is_none().then(|| caller.token.clone());
        // In a task of its own: what was claimed is made even if the client leaves meanwhile.
        let asked = tokio::task::spawn_local(async move {
            let directory = fleet.directory();
            let claiming = match (&claimable, &unsigned, purpose) {
                (None, ..) | (_, Some(_), _) => Claiming::Never,
                (Some(_), None, Purpose::Transport) => Claiming::Always,
                (Some(it), None, Purpose::Message) => Claiming::IfComplete(it.issued),
            };
            let located = directory.locate(key, claiming, hub.1.path()).await;
            let new = match (located, claimable) {
                (Ok(Located::Taken { stateful }), claimable) => {
                    let new = claimable.map(|it| it.new);
                    let new = new.unwrap_or_else(|| unknown(unsigned.unwrap_or_default()));
                    let stateful = stateful.unwrap_or(new.stateful);
                    NewConnection { stateful, ..new }
                }
                (Ok(Located::At(owner)), claimable) if owner == *fleet.id() => {
                    claimable.ok_or(Missing::Unknown)?.new
                }
                (Ok(Located::At(owner)), _) => return Ok(Some(Location::There(owner))),
                (Ok(Located::Nowhere), Some(it)) if unsigned.is_some() => {
                    // It was given out here, and Redis does not remember.
                    directory.fall_out_of_step();
                    it.new
                }
                (Ok(Located::Nowhere), _) => return Err(Missing::Unknown),
                (Ok(Located::Unsettled) | Err(Unavailable), Some(it))
                    if purpose == Purpose::Transport
                        || it.is_own && directory.was_away_at(it.issued) =>
                {
                    directory.fall_out_of_step();
                    it.new
                }
                (Ok(Located::Unsettled) | Err(Unavailable), _) => return Ok(None),
            };
            let worker = this.insert(&hub, key, new).ok_or(Missing::Unknown)?;
            Ok(Some(Location::Here(worker)))
        });
        asked.await.unwrap_or(Err(Missing::Unknown))
    }

    /// What a token may make, as long as it is fresh.
    fn fresh(&self, (_, endpoint): &Numbered, caller: &Caller) -> Option<Claimable> {
        let signed = caller.signed.as_ref()?;
        let limit = endpoint.connection_options().disconnect_timeout;
        if !signed.may_claim(limit, SystemTime::now()) {
            return None;
        }
        Some(Claimable {
            issued: signed.issued,
            is_own: signed.own,
            new: NewConnection {
                id: signed.connection_id.clone(),
                stateful: signed.stateful,
                claimable_until: Instant::now() + self.remembered(limit),
                early: Vec::new(),
            },
        })
    }

    /// How long the end of a connection is remembered: as long as any instance, whatever its clock,
    /// would let its token claim another one.
    pub(super) fn remembered(&self, disconnect_timeout: Duration) -> Duration {
        match self.fleet() {
            Some(_) => disconnect_timeout + 2 * CLOCK_DIFFERENCE,
            None => disconnect_timeout,
        }
    }

    /// A connection that this instance takes over from the one that kept it until now.
    pub(super) fn take_over(
        &self,
        hub: &Numbered,
        caller: &Caller,
        (id, stateful, early): (String, bool, Vec<u8>),
    ) -> Option<WorkerId> {
        let limit = hub.1.connection_options().disconnect_timeout;
        let new = NewConnection {
            id: ConnectionId::from(id),
            stateful,
            claimable_until: Instant::now() + self.remembered(limit),
            early,
        };
        self.insert(hub, caller.key, new)
    }
}

/// What a version-0 id makes that was given out here.
fn reserved(caller: &Caller, stateful: bool, issued: SystemTime) -> Claimable {
    let new = NewConnection {
        stateful,
        ..unknown(caller.token.clone())
    };
    Claimable {
        issued,
        is_own: true,
        new,
    }
}

/// What a version-0 id makes that was given out elsewhere.
fn unknown(id: String) -> NewConnection {
    NewConnection {
        id: ConnectionId::from(id),
        stateful: false,
        claimable_until: Instant::now(),
        early: Vec::new(),
    }
}

/// Whether another instance could have given this out: it has the form of a token, or of an id.
fn may_be_elsewhere(token: &str) -> bool {
    let length = URL_SAFE_NO_PAD.decode(token).map(|bytes| bytes.len());
    matches!(length, Ok(16 | TOKEN_BYTES))
}
