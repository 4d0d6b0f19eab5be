//! Why a command has no answer, and whether it may have been applied all the same.

/// A command failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// There is no connection. Nothing was sent.
    #[error("redis is not reachable")]
    Unavailable,
    /// Too much waits to be sent already. Nothing was sent.
    #[error("too much is waiting to be sent to redis")]
    Overloaded,
    /// Redis did not answer in time. The command may have been applied, also later.
    #[error("redis did not answer in time")]
    TimedOut,
    /// The connection was lost before the answer. The command may have been applied.
    #[error("the connection to redis was lost before the answer")]
    Interrupted,
    /// Redis answered with an error; this is its text.
    #[error("redis refused: {0}")]
    Refused(String),
    /// The answer is not of the kind that was expected.
    #[error("redis answered with something unexpected")]
    Unexpected,
}

impl RedisError {
    /// Whether the command may have been applied although there is no answer.
    pub fn may_be_applied(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Interrupted | Self::Unexpected)
    }
}

impl From<fred::error::Error> for RedisError {
    fn from(error: fred::error::Error) -> Self {
        use fred::error::ErrorKind;
        match error.kind() {
            ErrorKind::Timeout => Self::TimedOut,
            ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Routing | ErrorKind::Protocol => {
                Self::Interrupted
            }
            ErrorKind::Backpressure => Self::Overloaded,
            ErrorKind::Parse | ErrorKind::NotFound => Self::Unexpected,
            _ => Self::Refused(error.details().to_owned()),
        }
    }
}
