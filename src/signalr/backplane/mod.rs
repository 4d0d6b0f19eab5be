//! Carries messages between instances. Local members are served before anything comes here, so the
//! in-process backplane of a single instance has nothing to do.

pub mod wire;

use std::sync::Arc;

use super::lifetime::{Message, Target};
use crate::signalr::connection::ConnectionId;

/// What one instance tells the others of one hub.
pub struct Envelope<'a> {
    /// The hub's full type name, the first part of every channel's name.
    pub hub: &'a str,
    /// Who gets the message.
    pub target: &'a Target,
    /// Connections that do not.
    pub excluded: &'a [ConnectionId],
    /// The message.
    pub message: &'a Arc<Message>,
}

/// Why an envelope cannot go out.
#[derive(Debug, thiserror::Error)]
pub enum BackplaneError {
    /// The queue of what waits for the other instances is full; nothing of it was sent.
    #[error("the queue to the other instances is full")]
    QueueFull,
}

/// Between instances. It knows nothing of clients.
pub trait Backplane: Send + Sync {
    /// Queues an envelope for the other instances. Succeeds at once or fails at once.
    fn publish(&self, envelope: Envelope<'_>) -> Result<(), BackplaneError>;
}

/// The backplane of a single instance: there is nobody else.
#[derive(Debug, Default)]
pub struct InProcess;

impl Backplane for InProcess {
    fn publish(&self, _envelope: Envelope<'_>) -> Result<(), BackplaneError> {
        Ok(())
    }
}
