//! SignalR's `Groups`: who is in which group.

use std::sync::Arc;

use crate::signalr::lifetime::{GroupError, HubLifetimeManager};

/// Who is in which group.
#[derive(Clone)]
pub struct Groups {
    lifetime: Arc<HubLifetimeManager>,
}

impl Groups {
    pub(super) fn new(lifetime: Arc<HubLifetimeManager>) -> Self {
        Self { lifetime }
    }

    /// Adds a connection to a group. Ends when messages to the group reach it.
    ///
    /// Fails when no instance has the connection, or its instance does not answer.
    pub async fn add(&self, connection_id: &str, group: &str) -> Result<(), GroupError> {
        self.lifetime
            .add_to_group(&connection_id.into(), group)
            .await
    }

    /// Takes a connection out of a group; it need not be in it. Fails as [`add`](Self::add).
    pub async fn remove(&self, connection_id: &str, group: &str) -> Result<(), GroupError> {
        self.lifetime
            .remove_from_group(&connection_id.into(), group)
            .await
    }
}
