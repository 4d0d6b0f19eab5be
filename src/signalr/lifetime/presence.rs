//! What somebody outside of the hub may ask of the connections on this instance: who is there, who
//! is in which group; and to put users into groups or to end connections.

use std::sync::Arc;

use super::{HubLifetimeManager, Members, Target, Worker};
use crate::signalr::{
    backplane::GroupAction,
    connection::{CloseReason, Connection, ConnectionId},
};

impl HubLifetimeManager {
    /// Whether anybody here is meant by `target`.
    pub async fn is_anybody(&self, target: Target) -> bool {
        let found = self.on_every_worker(move |members| !members.find(&target).is_empty());
        found.await.contains(&true)
    }

    /// Whether somebody here whom `target` means is in `group`.
    pub async fn is_in_group(&self, target: Target, group: &str) -> bool {
        let groups = self.groups_of(target).await;
        groups.iter().any(|(_, joined)| **joined == *group)
    }

    /// Adds everybody here whom `target` means to a group.
    pub async fn add_all_to_group(&self, target: Target, group: &str) {
        for id in self.map(target, |connection| connection.id().clone()).await {
            self.change_here(&id, GroupAction::Add, group).await;
        }
    }

    /// Takes everybody here whom `target` means out of a group.
    pub async fn remove_all_from_group(&self, target: Target, group: &str) {
        for id in self.map(target, |connection| connection.id().clone()).await {
            self.change_here(&id, GroupAction::Remove, group).await;
        }
    }

    /// Takes everybody here whom `target` means out of all groups.
    pub async fn remove_all_from_groups(&self, target: Target) {
        for (id, group) in self.groups_of(target).await {
            self.change_here(&id, GroupAction::Remove, &group).await;
        }
    }

    /// Ends the connections here that `target` means, but not the excluded ones; `reason` is what
    /// the clients read. False: there is nobody.
    pub async fn close_all(
        &self,
        target: Target,
        excluded: Arc<[ConnectionId]>,
        reason: Option<String>,
    ) -> bool {
        let closed = self.on_every_worker(move |members| {
            let mut found = members.find(&target);
            found.retain(|connection| !excluded.contains(connection.id()));
            for connection in &found {
                // Not from within: a connection that ends changes the members.
                let (connection, reason) = (connection.clone(), reason.clone());
                tokio::task::spawn_local(async move {
                    connection.close(CloseReason::Requested(reason));
                });
            }
            !found.is_empty()
        });
        closed.await.contains(&true)
    }

    /// Each connection with each of its groups.
    async fn groups_of(&self, target: Target) -> Vec<(ConnectionId, Arc<str>)> {
        let joined = self.map(target, |connection| {
            let groups = connection.groups();
            let pairs = groups
                .iter()
                .map(|group| (connection.id().clone(), group.clone()));
            pairs.collect::<Vec<_>>()
        });
        joined.await.into_iter().flatten().collect()
    }

    /// Runs something with the members on every worker, and gives what came of it.
    async fn on_every_worker<R: Send + 'static>(
        &self,
        call: impl Fn(&Members) -> R + Clone + Send + 'static,
    ) -> Vec<R> {
        let Some(place) = self.place() else {
            return Vec::new();
        };
        let hub = place.hub;
        let calls = (0..place.workers.len()).map(|worker| {
            let call = call.clone();
            place.workers.call(worker, move || async move {
                Worker::current().map(|worker| call(&worker.members(hub)))
            })
        });
        let results = futures_util::future::join_all(calls).await;
        results.into_iter().flatten().flatten().collect()
    }

    async fn map<R: Send + 'static>(
        &self,
        target: Target,
        call: impl Fn(&Connection) -> R + Clone + Send + 'static,
    ) -> Vec<R> {
        let mapped = self.on_every_worker(move |members: &Members| {
            let found = members.find(&target);
            found.iter().map(|it| call(it)).collect::<Vec<_>>()
        });
        mapped.await.into_iter().flatten().collect()
    }
}
