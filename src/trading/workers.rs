//! Which connection works for which bots or backtests.
//!
//! Whoever writes a log keeps its [`Registration`]; the instance that a worker is connected to keeps
//! what it registered for ([`Workers`]), wherever that is written.

use std::collections::{HashMap, HashSet};

use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::ids::Id;
use crate::redis::InstanceId;

/// Who reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reporter {
    /// A worker's SignalR connection, on whatever instance.
    Connection(Id),
    /// A producer that speaks HTTP. It reports beside a registered worker and gets no commands.
    Http,
}

/// A connection that gets a bot's or backtest's commands. The newest one wins.
#[derive(Clone, Debug)]
pub struct Registration {
    pub connection: Id,
    /// Where it is connected; `None`: here.
    pub instance: Option<InstanceId>,
    pub heartbeat: u64,
    /// Higher than that of every registration before.
    pub number: u64,
    /// Cancelled when this registration ends without another taking its place.
    pub gone: CancellationToken,
}

impl Registration {
    pub fn new(connection: Id, instance: Option<InstanceId>, heartbeat: u64) -> Self {
        Self {
            connection,
            instance,
            heartbeat,
            number: 0,
            gone: CancellationToken::new(),
        }
    }
}

/// What a connection of this instance registered for, as others are told who ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    pub id: String,
    pub connection: String,
    pub heartbeat: u64,
    /// Of the registration.
    pub number: u64,
}

/// What this instance's connections have to do with bots or backtests, to be undone when they are
/// gone.
#[derive(Debug, Default)]
pub struct Workers {
    registered: DashMap<Id, HashMap<Id, (u64, u64), ahash::RandomState>, ahash::RandomState>,
    /// A registration that a newer one replaced, or that a removal ended, until the worker
    /// registers again: what it reports is refused.
    ended: DashMap<Id, Ids, ahash::RandomState>,
}

type Ids = HashSet<Id, ahash::RandomState>;

impl Workers {
    /// `number` is the registration's.
    pub fn registered(&self, connection: &Id, id: &Id, heartbeat: u64, number: u64) {
        if let Some(mut ids) = self.ended.get_mut(connection) {
            ids.remove(id);
        }
        self.ended.remove_if(connection, |_, ids| ids.is_empty());
        let mut ids = self.registered.entry(connection.clone()).or_default();
        ids.insert(id.clone(), (heartbeat, number));
    }

    /// The connection's registration for `id` ended though the connection is still there.
    pub fn ended(&self, connection: &Id, id: &Id) {
        let ended = self.registered.get_mut(connection);
        if ended.is_some_and(|mut ids| ids.remove(id).is_some()) {
            self.registered
                .remove_if(connection, |_, ids| ids.is_empty());
            let mut ids = self.ended.entry(connection.clone()).or_default();
            ids.insert(id.clone());
        }
    }

    /// Nobody is registered for `id` any more: it was removed.
    pub fn removed(&self, id: &Id) {
        let registered = self.registered.iter();
        let connections: Vec<Id> = registered
            .filter(|ids| ids.contains_key(id))
            .map(|ids| ids.key().clone())
            .collect();
        for connection in connections {
            self.ended(&connection, id);
        }
    }

    /// Who is registered here for any of these.
    pub fn posts(&self, ids: &HashSet<&str>) -> Vec<Post> {
        let mut posts = Vec::new();
        for registered in &self.registered {
            for (id, (heartbeat, number)) in registered.value() {
                if ids.contains(&**id) {
                    posts.push(Post {
                        id: id.to_string(),
                        connection: registered.key().to_string(),
                        heartbeat: *heartbeat,
                        number: *number,
                    });
                }
            }
        }
        posts
    }

    pub fn is_ended(&self, connection: &Id, id: &Id) -> bool {
        let ids = self.ended.get(connection);
        ids.is_some_and(|ids| ids.contains(id))
    }

    /// Forgets a connection and answers what it was registered for.
    pub fn disconnected(&self, connection: &Id) -> Vec<Id> {
        self.ended.remove(connection);
        let registered = self.registered.remove(connection);
        registered.map_or_else(Vec::new, |(_, ids)| ids.into_keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_registration_is_known_until_the_worker_registers_again_or_leaves() {
        let (workers, old, bot) = (Workers::default(), Id::from("old"), Id::from("bot"));
        workers.registered(&old, &bot, 5_000, 1);
        workers.ended(&old, &bot);
        assert!(workers.is_ended(&old, &bot));
        workers.registered(&old, &bot, 5_000, 3);
        assert!(!workers.is_ended(&old, &bot));
        assert_eq!(workers.disconnected(&old), std::slice::from_ref(&bot));
        assert_eq!(workers.disconnected(&old), []);
        workers.ended(&old, &bot);
        assert!(!workers.is_ended(&old, &bot), "it was not registered");
    }
}
