//! What a hub method can fail with, and what of it the client may read.

use crate::signalr::lifetime::{GroupError, SendError};

/// The exception name of errors whose text always reaches the client.
const HUB_EXCEPTION: &str = "HubException";

/// An error of hub code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HubError {
    exception: &'static str,
    message: String,
}

/// What hub code returns.
pub type HubResult<T> = Result<T, HubError>;

impl HubError {
    /// An error whose text the client always reads (SignalR's `HubException`).
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            exception: HUB_EXCEPTION,
            message: message.into(),
        }
    }

    /// An ordinary error: the client reads that something went wrong, and its name and text only
    /// with `EnableDetailedErrors`.
    pub fn internal(exception: &'static str, message: impl Into<String>) -> Self {
        Self {
            exception,
            message: message.into(),
        }
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the client always reads the text.
    pub fn is_hub_exception(&self) -> bool {
        self.exception == HUB_EXCEPTION
    }

    /// `base`, followed by name and text where the client may read them (reference 8.4).
    pub fn text_after(&self, base: &str, detailed: bool) -> String {
        if detailed || self.is_hub_exception() {
            format!("{base} {}: {}", self.exception, self.message)
        } else {
            base.to_owned()
        }
    }
}

impl From<GroupError> for HubError {
    fn from(error: GroupError) -> Self {
        Self::internal("IOException", error.to_string())
    }
}

impl From<SendError> for HubError {
    fn from(error: SendError) -> Self {
        Self::internal("InvalidOperationException", error.to_string())
    }
}
