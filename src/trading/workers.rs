//! Which connection works for which bots or backtests.

use std::collections::HashSet;

use dashmap::DashMap;
use tokio_util::sync::CancellationToken;

use super::ids::Id;

/// Who reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reporter {
    /// A worker's SignalR connection.
    Connection(Id),
    /// A producer that speaks HTTP. It reports beside a registered worker and gets no commands.
    Http,
}

/// A connection that gets a bot's or backtest's commands. The newest one wins.
#[derive(Clone, Debug)]
pub struct Registration {
    pub connection: Id,
    pub heartbeat: u64,
    /// Cancelled when this registration ends without another taking its place.
    pub gone: CancellationToken,
}

impl Registration {
    pub fn new(connection: Id, heartbeat: u64) -> Self {
        Self {
            connection,
            heartbeat,
            gone: CancellationToken::new(),
        }
    }
}

/// What a connection has to do with bots or backtests, to be undone when it is gone.
#[derive(Debug, Default)]
pub struct Workers {
    registered: DashMap<Id, Ids, ahash::RandomState>,
    /// A registration that a newer one replaced, or that a removal ended, until the worker
    /// registers again: what it reports is refused.
    ended: DashMap<Id, Ids, ahash::RandomState>,
}

type Ids = HashSet<Id, ahash::RandomState>;

impl Workers {
    pub fn registered(&self, connection: &Id, id: &Id) {
        remove(&self.ended, connection, id);
        let mut ids = self.registered.entry(connection.clone()).or_default();
        ids.insert(id.clone());
    }

    /// The connection's registration for `id` ended though the connection is still there.
    pub fn ended(&self, connection: &Id, id: &Id) {
        if remove(&self.registered, connection, id) {
            let mut ids = self.ended.entry(connection.clone()).or_default();
            ids.insert(id.clone());
        }
    }

    pub fn is_ended(&self, connection: &Id, id: &Id) -> bool {
        let ids = self.ended.get(connection);
        ids.is_some_and(|ids| ids.contains(id))
    }

    /// Forgets a connection and answers what it was registered for.
    pub fn disconnected(&self, connection: &Id) -> Vec<Id> {
        self.ended.remove(connection);
        let registered = self.registered.remove(connection);
        registered.map_or_else(Vec::new, |(_, ids)| ids.into_iter().collect())
    }
}

fn remove(map: &DashMap<Id, Ids, ahash::RandomState>, connection: &Id, id: &Id) -> bool {
    let removed = map
        .get_mut(connection)
        .is_some_and(|mut ids| ids.remove(id));
    map.remove_if(connection, |_, ids| ids.is_empty());
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_registration_is_known_until_the_worker_registers_again_or_leaves() {
        let (workers, old, bot) = (Workers::default(), Id::from("old"), Id::from("bot"));
        workers.registered(&old, &bot);
        workers.ended(&old, &bot);
        assert!(workers.is_ended(&old, &bot));
        workers.registered(&old, &bot);
        assert!(!workers.is_ended(&old, &bot));
        assert_eq!(workers.disconnected(&old), std::slice::from_ref(&bot));
        assert_eq!(workers.disconnected(&old), []);
        workers.ended(&old, &bot);
        assert!(!workers.is_ended(&old, &bot), "it was not registered");
    }
}
