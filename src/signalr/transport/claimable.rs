//! What a request's token may make: a new connection, as long as the token is fresh.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{
    caller::Caller,
    dispatch::Numbered,
    registry::{Connections, NewConnection},
    token::CLOCK_DIFFERENCE,
};
use crate::signalr::{connection::ConnectionId, lifetime::WorkerId};

/// What a request's token may make, if there is nothing yet.
pub(super) struct Claimable {
    pub issued: SystemTime,
    /// By this instance.
    pub is_own: bool,
    pub new: NewConnection,
}

impl Connections {
    /// What a token may make, as long as it is fresh.
    pub(super) fn fresh(&self, (_, endpoint): &Numbered, caller: &Caller) -> Option<Claimable> {
        let signed = caller.signed()?;
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
pub(super) fn reserved(id: &str, stateful: bool, issued: SystemTime) -> Claimable {
    let new = NewConnection {
        stateful,
        ..unknown(id.to_owned())
    };
    Claimable {
        issued,
        is_own: true,
        new,
    }
}

/// What a version-0 id makes that was given out elsewhere.
pub(super) fn unknown(id: String) -> NewConnection {
    NewConnection {
        id: ConnectionId::from(id),
        stateful: false,
        claimable_until: Instant::now(),
        early: Vec::new(),
    }
}
