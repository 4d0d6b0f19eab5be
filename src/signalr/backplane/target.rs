//! Who gets a message.

use std::sync::Arc;

use indexmap::IndexSet;

use crate::signalr::connection::ConnectionId;

/// Who gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every connection of the hub.
    All,
    /// The members of a group.
    Group(Arc<str>),
    /// The members of several groups, who is in two of them twice.
    Groups(Arc<[String]>),
    /// The connections of a user.
    User(Arc<str>),
    /// The connections of several users.
    Users(Arc<[String]>),
    /// These connections.
    Connections(Arc<[ConnectionId]>),
}

impl Target {
    /// Without repeated users and connections. Across instances a repeated name is delivered
    /// again, within one it is not: both as the reference does.
    pub fn distinct(self) -> Self {
        match self {
            Self::Users(users) if users.len() > 1 => {
                let once: IndexSet<_> = users.iter().cloned().collect();
                Self::Users(once.into_iter().collect())
            }
            Self::Connections(ids) if ids.len() > 1 => {
                let once: IndexSet<_> = ids.iter().cloned().collect();
                Self::Connections(once.into_iter().collect())
            }
            other => other,
        }
    }
}
