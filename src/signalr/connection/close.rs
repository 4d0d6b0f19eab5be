//! Why a connection ends, and what the client and the hub are told.

use super::OutboxFull;

/// How the transport ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything was said: close code 1000, the body ends, the next poll gets 204.
    Normal,
    /// Everything was said and no answer is waited for.
    Prompt,
    /// The hub failed while ending: close code 1011, the body breaks off, the poll gets 500.
    Failed,
    /// Nothing can be said any more: the socket is cut.
    Cut,
}

/// Why the server ends a connection.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CloseReason {
    /// Hub code called `abort`.
    #[error("aborted by the hub")]
    Aborted,
    /// An operator or another service asked for it, perhaps with a text for the client.
    #[error("closed on request")]
    Requested(Option<String>),
    /// The client sent a close message, perhaps with an error.
    #[error("closed by the client")]
    ClientClosed(Option<String>),
    /// The client ended the transport.
    #[error("the client left")]
    ClientLeft,
    /// No transport came back within `DisconnectTimeout`.
    #[error("the client did not come back")]
    Gone,
    /// The client broke the protocol, or a message could not be written.
    #[error("{exception}: {message}")]
    Violation {
        /// Exception type as the reference server names it.
        exception: &'static str,
        /// What happened.
        message: String,
    },
    /// `ClientTimeoutInterval` passed without a message.
    #[error("the client fell silent")]
    ClientTimeout,
    /// The handshake failed, with the text for the client.
    #[error("handshake failed: {0}")]
    Handshake(String),
    /// The hub refused the connection: `on_connected` failed, with the text for the client.
    #[error("refused by the hub: {0}")]
    Refused(String),
    /// The user's ticket expired.
    #[error("the user's authentication expired")]
    AuthenticationExpired,
    /// The client does not take its messages.
    #[error("{0}")]
    SlowReader(#[from] OutboxFull),
    /// One write took longer than `TransportSendTimeout`.
    #[error("a write took longer than the send timeout")]
    SendTimeout,
    /// The server stops.
    #[error("the server stops")]
    Shutdown,
    /// Another instance has the connection as well, and is the one that counts.
    #[error("another instance has the connection")]
    Moved,
}

impl CloseReason {
    /// `allowReconnect` of the close message.
    pub fn allow_reconnect(&self) -> bool {
        !matches!(
            self,
            Self::Aborted
                | Self::Requested(_)
                | Self::ClientClosed(_)
                | Self::Refused(_)
                | Self::Handshake(_)
        )
    }

    /// `error` of the close message; the exception shows only with `EnableDetailedErrors`.
    pub fn error_text(&self, detailed: bool) -> Option<String> {
        const BASE: &str = "Connection closed with an error.";
        match self {
            Self::Violation { exception, message } if detailed => {
                Some(format!("{BASE} {exception}: {message}"))
            }
            Self::ClientTimeout if detailed => Some(format!(
                "{BASE} OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval."
            )),
            Self::SlowReader(error) if detailed => Some(format!("{BASE} IOException: {error}")),
            Self::Requested(text) => text.clone(),
            Self::Refused(text) => Some(text.clone()),
            Self::Violation { .. } | Self::ClientTimeout | Self::SlowReader(_) => Some(BASE.into()),
            _ => None,
        }
    }

    /// Whether the hub hears of an error in `on_disconnected`.
    pub fn is_error(&self) -> bool {
        matches!(
            self,
            Self::Violation { .. }
                | Self::ClientTimeout
                | Self::SlowReader(_)
                | Self::ClientClosed(Some(_))
        )
    }

    /// A short name for counters and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::Requested(_) => "requested",
            Self::ClientClosed(_) => "client_closed",
            Self::ClientLeft => "client_left",
            Self::Gone => "gone",
            Self::Violation { .. } => "violation",
            Self::ClientTimeout => "client_timeout",
            Self::Handshake(_) => "handshake",
            Self::Refused(_) => "refused",
            Self::AuthenticationExpired => "authentication_expired",
            Self::SlowReader(_) => "slow_reader",
            Self::SendTimeout => "send_timeout",
            Self::Shutdown => "shutdown",
            Self::Moved => "moved",
        }
    }
}
