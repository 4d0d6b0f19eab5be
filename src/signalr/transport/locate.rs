//! Where the connection of a request lives, by its token: here, on another instance, or nowhere.
//!
//! A fresh token claims a connection for the instance that meets it first. Alone, that is decided
//! here; in a fleet by one round trip to the directory in Redis. While Redis does not answer, an
//! instance claims for itself what cannot have a home yet, and says later what it has claimed;
//! anything else waits, for nobody can say that it does not exist.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    caller::Caller,
    claimable::{Claimable, reserved, unknown},
    dispatch::Numbered,
    registry::{Claim, Connections, NewConnection},
};
use crate::{
    redis::InstanceId,
    signalr::{
        fleet::{Claiming, Fleet, Located, Unavailable},
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

impl Connections {
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
                }) if owner == hub.0 => Some(reserved(caller.token(), stateful, issued)),
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
            if claimable.is_none() && !caller.may_be_elsewhere() {
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
        let unsigned = (!caller.is_checked()).then(|| caller.token().to_owned());
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
}
