//! Why the other instances could not be reached.

use std::time::Duration;

/// Why a message was not sent. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackplaneError {
    /// The queue of what waits for the other instances is full.
    #[error("The queue to the other instances is full.")]
    QueueFull,
    /// The other instances cannot be reached, and this cannot wait.
    #[error("The other instances cannot be reached.")]
    Unavailable,
}

/// Why the groups of a connection were not changed, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// No instance has the connection.
    #[error("Connection '{0}' does not exist.")]
    NotFound(String),
    /// The connection's instance did not say that it is done.
    #[error("Connection '{connection}' did not acknowledge the change of its groups within {} s.", .limit.as_secs())]
    TimedOut {
        /// The connection.
        connection: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The other instances cannot be reached.
    #[error(transparent)]
    Backplane(#[from] BackplaneError),
}

/// Why a question to a connection of another instance gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskError {
    /// No instance has the connection.
    NotFound,
    /// The connection's instance is gone.
    Gone,
    /// There was no answer in time.
    TimedOut,
    /// The other instances cannot be reached.
    Unavailable,
}
