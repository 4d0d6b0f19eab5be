//! One hub's connections on all instances: who is there, and orders to those who are.

use crate::signalr::{
    connection::ConnectionId,
    hub::{Clients, Groups, HubContext},
    lifetime::Target,
};

/// Whom a question or an order is about.
pub enum Whom<'a> {
    All,
    Connection(&'a str),
    Group(&'a str),
    User(&'a str),
}

impl Whom<'_> {
    fn target(&self) -> Target {
        match self {
            Self::All => Target::All,
            Self::Connection(id) => Target::Connections([ConnectionId::from(*id)].into()),
            Self::Group(group) => Target::Group((*group).into()),
            Self::User(user) => Target::User((*user).into()),
        }
    }
}

/// The connections of a hub.
pub struct Presence {
    hub: HubContext,
}

impl Presence {
    pub fn new(hub: HubContext) -> Self {
        Self { hub }
    }

    pub fn clients(&self) -> Clients {
        self.hub.clients()
    }

    pub fn groups(&self) -> Groups {
        self.hub.groups()
    }

    /// Whether there is anybody.
    pub async fn is_anybody(&self, whom: Whom<'_>) -> bool {
        self.hub.lifetime().is_anybody(whom.target()).await
    }

    /// Whether anybody of them is in a group.
    pub async fn is_in_group(&self, whom: Whom<'_>, group: &str) -> bool {
        let lifetime = self.hub.lifetime();
        lifetime.is_in_group(whom.target(), group).await
    }

    pub async fn join(&self, whom: Whom<'_>, group: &str) {
        let lifetime = self.hub.lifetime();
        lifetime.add_all_to_group(whom.target(), group).await;
    }

    pub async fn leave(&self, whom: Whom<'_>, group: &str) {
        let lifetime = self.hub.lifetime();
        lifetime.remove_all_from_group(whom.target(), group).await;
    }

    pub async fn leave_all(&self, whom: Whom<'_>) {
        let lifetime = self.hub.lifetime();
        lifetime.remove_all_from_groups(whom.target()).await;
    }

    /// Closes their connections. False: there is nobody.
    pub async fn close(&self, whom: Whom<'_>, excluded: &[String], reason: Option<String>) -> bool {
        let excluded = excluded.iter().map(|id| ConnectionId::from(id.as_str()));
        let lifetime = self.hub.lifetime();
        lifetime
            .close_all(whom.target(), excluded.collect(), reason)
            .await
    }
}
