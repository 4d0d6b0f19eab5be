//! Sending to a hub's clients from outside its methods, as .NET's `IHubContext`.

use std::sync::Arc;

use super::{Clients, Groups};
use crate::signalr::{
    backplane::Backplane,
    lifetime::{HubLifetimeManager, Message, SendError},
    protocol::EncodeArguments,
};

/// Reaches the clients of one hub from any thread. Clones are the same hub.
#[derive(Clone)]
pub struct HubContext {
    lifetime: Arc<HubLifetimeManager>,
}

/// A message that was encoded once, to be sent to several targets.
#[derive(Clone)]
pub struct Prepared(pub(super) Arc<Message>);

impl HubContext {
    /// The context of a hub that will be served later, by this instance only. `type_name` is the
    /// hub's full .NET type name.
    pub fn new(name: &str, type_name: &str) -> Self {
        Self {
            lifetime: HubLifetimeManager::new(name, type_name),
        }
    }

    /// The context of a hub whose connections are on several instances.
    pub fn with_backplane(name: &str, type_name: &str, backplane: Arc<dyn Backplane>) -> Self {
        Self {
            lifetime: HubLifetimeManager::with_backplane(name, type_name, backplane),
        }
    }

    /// Whom to send to.
    pub fn clients(&self) -> Clients {
        Clients::new(self.lifetime.clone())
    }

    /// Group membership of any connection.
    pub fn groups(&self) -> Groups {
        Groups::new(self.lifetime.clone())
    }

    /// Encodes a message once, for [`ClientProxy::send_prepared`](super::ClientProxy::send_prepared).
    pub fn prepare(
        &self,
        target: &str,
        arguments: impl EncodeArguments,
    ) -> Result<Prepared, SendError> {
        Ok(Prepared(self.lifetime.encode(target, &arguments)?))
    }

    /// How many connections the hub has on this instance.
    pub fn connection_count(&self) -> usize {
        self.lifetime.connection_count()
    }

    /// Whether a connection is on this instance.
    pub fn is_connected(&self, connection_id: &str) -> bool {
        self.lifetime.contains(connection_id)
    }

    pub(super) fn from_lifetime(lifetime: Arc<HubLifetimeManager>) -> Self {
        Self { lifetime }
    }

    /// The hub's connections.
    pub fn lifetime(&self) -> &Arc<HubLifetimeManager> {
        &self.lifetime
    }
}
