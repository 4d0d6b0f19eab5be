//! Group membership of any connection, here or on another instance.

use super::HubLifetimeManager;
use crate::signalr::{
    backplane::{GroupAction, GroupError},
    connection::ConnectionId,
};

impl HubLifetimeManager {
    /// Adds a connection to a group. Ends when messages to the group reach it, from all instances.
    pub async fn add_to_group(&self, id: &ConnectionId, group: &str) -> Result<(), GroupError> {
        self.change(id, GroupAction::Add, group).await
    }

    /// Takes a connection out of a group it may not be in.
    pub async fn remove_from_group(
        &self,
        id: &ConnectionId,
        group: &str,
    ) -> Result<(), GroupError> {
        self.change(id, GroupAction::Remove, group).await
    }

    async fn change(
        &self,
        id: &ConnectionId,
        action: GroupAction,
        group: &str,
    ) -> Result<(), GroupError> {
        if self.change_here(id, action, group).await {
            return Ok(());
        }
        self.backplane().change_group(id, action, group).await
    }

    /// False: the connection is not here.
    pub(super) async fn change_here(
        &self,
        id: &ConnectionId,
        action: GroupAction,
        group: &str,
    ) -> bool {
        match action {
            GroupAction::Add => self.join(id, group).await,
            GroupAction::Remove => self.leave(id, group).await,
            GroupAction::Unknown(_) => self.contains(id.as_str()),
        }
    }

    async fn join(&self, id: &ConnectionId, group: &str) -> bool {
        let (there, name) = (id.clone(), group.to_owned());
        let backplane = self.backplane().clone();
        // Counted on the connection's own thread, where it may leave and end too.
        let joined = self.on_home(id, move |worker, hub| {
            match worker.members_mut(hub).join(there.as_str(), &name)? {
                true => Some(backplane.joined(&name)),
                false => Some(backplane.joining(&name)),
            }
        });
        let Some(subscribing) = joined.await.flatten() else {
            return false;
        };
        if let Some(subscribing) = subscribing {
            subscribing.await;
        }
        true
    }

    async fn leave(&self, id: &ConnectionId, group: &str) -> bool {
        let (there, name) = (id.clone(), group.to_owned());
        let backplane = self.backplane().clone();
        let left = self.on_home(id, move |worker, hub| {
            if worker.members_mut(hub).leave(there.as_str(), &name)? {
                backplane.left(&name);
            }
            Some(())
        });
        left.await.flatten().is_some()
    }
}
