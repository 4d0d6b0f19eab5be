//! How many connections and calls there may be: a trait that the product implements.

use std::any::Any;

use super::HubResult;
use crate::signalr::connection::{ConnectionId, User};

/// Held by a connection until it is over.
pub type Admitted = Box<dyn Any>;

/// Decides about connections and calls of a hub's clients. Asked on the hot path, so it must not
/// wait for anything.
pub trait Admission: Send + Sync {
    /// A client's handshake was accepted. The error refuses it, as one of `on_connected`.
    fn connect(&self, user: Option<&User>) -> HubResult<Admitted>;

    /// A client calls a method. The error is the call's.
    fn call(&self, connection: &ConnectionId, user: Option<&User>) -> HubResult<()>;
}
