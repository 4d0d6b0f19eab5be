//! ASP.NET Core's `HttpConnectionDispatcherOptions` and `ConnectionOptions`, with their names and
//! defaults.

use std::time::Duration;

/// How clients are connected, per hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// Transports the endpoint offers.
    pub transports: Transports,
    /// Client-to-server bytes buffered before reading stops; it goes on at half.
    pub application_max_buffer_size: usize,
    /// Server-to-client bytes buffered before the connection's own messages wait.
    pub transport_max_buffer_size: usize,
    /// A single write that takes longer ends the connection. None: any time.
    pub transport_send_timeout: Option<Duration>,
    /// An empty poll is answered after this time.
    pub poll_timeout: Duration,
    /// Wait for the client's WebSocket close frame before the socket is cut.
    pub close_timeout: Duration,
    /// Lowest negotiate version accepted.
    pub minimum_protocol_version: i32,
    /// Close a connection when its user's ticket expires.
    pub close_on_authentication_expiration: bool,
    /// Whether clients may ask for stateful reconnect.
    pub allow_stateful_reconnects: bool,
    /// A connection without a transport is dropped after this time; a token claims one for as long.
    pub disconnect_timeout: Duration,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            transports: Transports::default(),
            application_max_buffer_size: 65_536,
            transport_max_buffer_size: 65_536,
            transport_send_timeout: Some(Duration::from_secs(10)),
            poll_timeout: Duration::from_secs(90),
            close_timeout: Duration::from_secs(5),
            minimum_protocol_version: 0,
            close_on_authentication_expiration: false,
            allow_stateful_reconnects: false,
            disconnect_timeout: Duration::from_secs(15),
        }
    }
}

/// Which transports are enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transports {
    /// WebSockets.
    pub web_sockets: bool,
    /// Server-sent events.
    pub server_sent_events: bool,
    /// Long polling.
    pub long_polling: bool,
}

impl Default for Transports {
    fn default() -> Self {
        Self {
            web_sockets: true,
            server_sent_events: true,
            long_polling: true,
        }
    }
}

impl Transports {
    /// Whether a transport is enabled.
    pub fn allows(&self, kind: TransportKind) -> bool {
        match kind {
            TransportKind::WebSockets => self.web_sockets,
            TransportKind::ServerSentEvents => self.server_sent_events,
            TransportKind::LongPolling => self.long_polling,
        }
    }
}

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// A WebSocket.
    WebSockets,
    /// An event stream down, requests up.
    ServerSentEvents,
    /// Polls down, requests up.
    LongPolling,
}

impl TransportKind {
    /// The name in the negotiate response.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSockets => "WebSockets",
            Self::ServerSentEvents => "ServerSentEvents",
            Self::LongPolling => "LongPolling",
        }
    }

    /// Whether it carries bytes that are not text.
    pub fn is_binary(self) -> bool {
        self != Self::ServerSentEvents
    }

    /// Whether its own requests show that the client lives, so that no pings are needed.
    pub fn has_inherent_keep_alive(self) -> bool {
        self == Self::LongPolling
    }
}
