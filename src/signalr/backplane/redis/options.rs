//! What may wait, and for how long.

use std::time::Duration;

/// Bounds of one hub's backplane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisBackplaneOptions {
    /// Bytes that may wait while Redis is away. A send that does not fit fails at once.
    pub queue_bytes: usize,
    /// How long they may wait. Older ones are dropped and counted.
    pub queue_time: Duration,
    /// How long the change of a remote connection's groups waits for its acknowledgement.
    pub ack_timeout: Duration,
    /// How long a remote connection's answer is waited for.
    pub client_result_timeout: Duration,
}

impl Default for RedisBackplaneOptions {
    fn default() -> Self {
        Self {
            queue_bytes: 64 << 20,
            queue_time: Duration::from_secs(30),
            ack_timeout: Duration::from_secs(30),
            client_result_timeout: Duration::from_secs(300),
        }
    }
}
