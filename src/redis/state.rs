//! Where the connection to Redis stands, for people and for those who wait for it.

use std::{fmt, sync::Arc, time::Instant};

/// The state of a [`RedisService`](super::RedisService).
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// The first attempt has not ended yet.
    Connecting,
    /// Connected; the subscriptions are not all confirmed yet. Commands work.
    Restoring,
    /// Connected, and every channel that was asked for is subscribed.
    Up,
    /// No connection. The next attempt comes within about a second.
    Down {
        since: Instant,
        /// For people; holds no secret.
        reason: Arc<str>,
    },
}

impl State {
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }

    /// One word: `connecting`, `restoring`, `connected` or `unreachable`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Restoring => "restoring",
            Self::Up => "connected",
            Self::Down { .. } => "unreachable",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down { reason, .. } => write!(formatter, "{}: {reason}", self.name()),
            _ => formatter.write_str(self.name()),
        }
    }
}
