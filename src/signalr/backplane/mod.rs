//! Carries messages between the instances of a hub.
//!
//! Members on this instance are served before anything comes here, so the backplane of a single
//! instance, [`InProcess`], has nothing to do. It knows nothing of clients: what arrives for them
//! is handed to the [`LocalConnections`] of the hub.
//!
//! | file | what |
//! |---|---|
//! | [`target`](Target) | who gets a message |
//! | [`in_process`](InProcess) | one instance |
//! | [`redis`] | several, in one fleet with ASP.NET Core's |
//! | [`wire`] | what they say to each other |

mod error;
mod in_process;
pub mod redis;
mod target;
pub mod wire;

use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use error::{AskError, BackplaneError, GroupError};
pub use in_process::InProcess;
pub use target::Target;
pub use wire::{GroupAction, SerializedMessage};

use super::{connection::ConnectionId, protocol::Protocol};

/// Ends when the other instances' messages arrive, or cannot for now because there is no way to
/// them.
pub type Subscribing = BoxFuture<'static, ()>;

/// What one instance tells the others of its hub.
pub struct Envelope<'a> {
    /// Who gets the message.
    pub target: &'a Target,
    /// Connections that do not.
    pub excluded: &'a [ConnectionId],
    /// The message, in both protocols.
    pub message: &'a SerializedMessage,
}

/// A message that has its place in the queue to the other instances. Dropping it sends nothing.
pub trait Prepared: Send {
    /// Sends it. Cannot fail any more as far as this instance is concerned.
    fn publish(self: Box<Self>);
}

/// Between the instances of one hub.
pub trait Backplane: Send + Sync {
    /// Begins to receive for these connections. Once only.
    fn start(&self, local: Weak<dyn LocalConnections>);

    /// Whether there may be other instances. If not, only `start` is ever called.
    fn is_distributed(&self) -> bool;

    /// Makes room for a message. Waits only while the way is open and busy; fails at once, with
    /// nothing sent, if the queue of what waits is full.
    fn prepare<'a>(
        &'a self,
        envelope: Envelope<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Prepared>, BackplaneError>>;

    /// A connection is here from now on. None: there is nothing to wait for.
    fn connected(&self, connection: &ConnectionId, user: Option<&str>) -> Option<Subscribing>;

    /// A connection is gone, and was in these groups.
    fn disconnected(&self, connection: &ConnectionId, user: Option<&str>, groups: &[Arc<str>]);

    /// A connection of this instance has joined a group. None: there is nothing to wait for.
    fn joined(&self, group: &str) -> Option<Subscribing>;

    /// What joining a group again must wait for, if the first join is not through yet.
    fn joining(&self, group: &str) -> Option<Subscribing>;

    /// A connection of this instance has left a group.
    fn left(&self, group: &str);

    /// Changes the groups of a connection of another instance, and waits until it is done.
    fn change_group<'a>(
        &'a self,
        connection: &'a ConnectionId,
        action: GroupAction,
        group: &'a str,
    ) -> BoxFuture<'a, Result<(), GroupError>>;

    /// Asks a connection of another instance. The answer comes to
    /// [`LocalConnections::answered`]; the future ends only when none will come.
    fn ask<'a>(
        &'a self,
        connection: &'a ConnectionId,
        invocation_id: &'a str,
        message: SerializedMessage,
    ) -> BoxFuture<'a, AskError>;
}

/// The connections of one hub on this instance, as the other instances use them.
pub trait LocalConnections: Send + Sync {
    /// Whether a connection is here.
    fn contains(&self, connection: &str) -> bool;

    /// Delivers a message to whom it is meant for here. In order with other calls of this; waits
    /// for room on the way to a worker, never for a client.
    fn deliver(
        &self,
        target: Target,
        excluded: Vec<ConnectionId>,
        message: SerializedMessage,
    ) -> BoxFuture<'_, ()>;

    /// Changes the groups of a connection; ends when messages to the group reach it. False: it is
    /// not here.
    fn change_group(
        &self,
        connection: ConnectionId,
        action: GroupAction,
        group: String,
    ) -> BoxFuture<'_, bool>;

    /// Asks a connection for a result and waits for it: a framed completion in one of the
    /// protocols that the question came in. It always comes, at the latest when the connection
    /// ends, or after an hour.
    fn ask(
        &self,
        connection: ConnectionId,
        invocation_id: String,
        message: SerializedMessage,
    ) -> BoxFuture<'_, (Protocol, Bytes)>;

    /// A framed completion for a question of this instance. False: it cannot be read.
    fn answered(&self, protocol: Protocol, completion: &[u8]) -> bool;
}
