//! ASP.NET Core's `HubOptions`, with its names and defaults.

use std::time::Duration;

use crate::signalr::protocol::Protocol;

/// How a hub treats its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubOptions {
    /// Period of the server's pings (not on long polling).
    pub keep_alive_interval: Duration,
    /// Silence after which a client that has pinged once is closed.
    pub client_timeout_interval: Duration,
    /// Time to receive the handshake request.
    pub handshake_timeout: Duration,
    /// Largest message a client may send in bytes, separator or length prefix included. None: any.
    pub maximum_receive_message_size: Option<usize>,
    /// Items kept per upload stream before reading stops.
    pub stream_buffer_capacity: usize,
    /// Non-streaming invocations one connection may run at once, at least 1.
    pub maximum_parallel_invocations_per_client: usize,
    /// Unacknowledged bytes kept for a resume before the connection's own messages wait.
    pub stateful_reconnect_buffer_size: usize,
    /// Whether clients read names and texts of ordinary errors.
    pub enable_detailed_errors: bool,
    /// Protocols accepted in the handshake.
    pub supported_protocols: Vec<Protocol>,
    /// Bytes that others' messages may pile up for a connection before it is closed as a slow
    /// reader. Ours, not ASP.NET Core's.
    pub maximum_backlog: usize,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            keep_alive_interval: Duration::from_secs(15),
            client_timeout_interval: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(15),
            maximum_receive_message_size: Some(32 * 1024),
            stream_buffer_capacity: 10,
            maximum_parallel_invocations_per_client: 1,
            stateful_reconnect_buffer_size: 100_000,
            enable_detailed_errors: false,
            supported_protocols: vec![Protocol::Json, Protocol::MessagePack],
            maximum_backlog: 8 << 20,
        }
    }
}
