//! What is asked of the connections of a hub, in a form that can be sent to other instances.

use serde::{Deserialize, Serialize};

use crate::signalr::{connection::ConnectionId, hub::HubContext, lifetime::Target};

/// Whom a question or an order is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Whom {
    All,
    Connection(String),
    Group(String),
    User(String),
}

/// A question is answered by yes as soon as one instance says yes; an order goes to all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// Whether there is anybody.
    IsAnybody(Whom),
    /// Whether anybody of them is in a group.
    IsInGroup(Whom, String),
    /// Add them to a group.
    Join(Whom, String),
    /// Take them out of a group.
    Leave(Whom, String),
    /// Take them out of all groups.
    LeaveAll(Whom),
    /// Close their connections, but not the excluded ones; the answer is whether there was any.
    Close {
        whom: Whom,
        excluded: Vec<String>,
        reason: Option<String>,
    },
}

impl Whom {
    fn target(&self) -> Target {
        match self {
            Self::All => Target::All,
            Self::Connection(id) => Target::Connections([ConnectionId::from(id.as_str())].into()),
            Self::Group(group) => Target::Group(group.as_str().into()),
            Self::User(user) => Target::User(user.as_str().into()),
        }
    }
}

impl Order {
    pub fn is_question(&self) -> bool {
        matches!(self, Self::IsAnybody(_) | Self::IsInGroup(..))
    }

    /// Whether only one instance can be concerned, so that its yes is the end of it.
    pub fn ends_with_yes(&self) -> bool {
        let is_for_one = matches!(
            self,
            Self::Close {
                whom: Whom::Connection(_),
                ..
            }
        );
        is_for_one || self.is_question()
    }

    /// Carries the order out on this instance.
    pub async fn carry_out(&self, hub: &HubContext) -> bool {
        let lifetime = hub.lifetime();
        match self {
            Self::IsAnybody(whom) => lifetime.is_anybody(whom.target()).await,
            Self::IsInGroup(whom, group) => lifetime.is_in_group(whom.target(), group).await,
            Self::Join(whom, group) => {
                lifetime.add_all_to_group(whom.target(), group).await;
                true
            }
            Self::Leave(whom, group) => {
                lifetime.remove_all_from_group(whom.target(), group).await;
                true
            }
            Self::LeaveAll(whom) => {
                lifetime.remove_all_from_groups(whom.target()).await;
                true
            }
            Self::Close {
                whom,
                excluded,
                reason,
            } => {
                let excluded = excluded.iter().map(|id| ConnectionId::from(id.as_str()));
                lifetime
                    .close_all(whom.target(), excluded.collect(), reason.clone())
                    .await
            }
        }
    }
}
