//! The options of a profile, from the environment. Unset or empty means the reference's default.

use std::{env, str::FromStr, time::Duration};

use managing_api::signalr::{
    connection::{ConnectionOptions, Transports},
    hub::HubOptions,
    protocol::Protocol,
};

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn parsed<T: FromStr>(name: &str) -> Option<T> {
    text(name)?.parse().ok()
}

/// A number, or the default.
pub fn number<T: FromStr>(name: &str, default: T) -> T {
    parsed(name).unwrap_or(default)
}

fn millis(name: &str, default: Duration) -> Duration {
    parsed(name).map_or(default, Duration::from_millis)
}

/// What a hub's options say.
pub fn hub_options() -> HubOptions {
    let default = HubOptions::default();
    HubOptions {
        enable_detailed_errors: text("DETAILED").as_deref() == Some("1"),
        maximum_parallel_invocations_per_client: number("PARALLEL", 1),
        keep_alive_interval: millis("KEEPALIVE_MS", default.keep_alive_interval),
        client_timeout_interval: millis("TIMEOUT_MS", default.client_timeout_interval),
        handshake_timeout: millis("HANDSHAKE_MS", default.handshake_timeout),
        maximum_receive_message_size: match number("MAX_MESSAGE", 32_768) {
            0 => None,
            size => Some(size),
        },
        stream_buffer_capacity: number("STREAM_CAPACITY", default.stream_buffer_capacity),
        stateful_reconnect_buffer_size: number(
            "STATEFUL_BUFFER",
            default.stateful_reconnect_buffer_size,
        ),
        supported_protocols: text("PROTOCOLS")
            .map(|names| names.split(',').filter_map(Protocol::from_name).collect())
            .unwrap_or(default.supported_protocols),
        maximum_backlog: number("BACKLOG", default.maximum_backlog),
    }
}

/// What the endpoint's options say.
pub fn connection_options() -> ConnectionOptions {
    let default = ConnectionOptions::default();
    ConnectionOptions {
        transports: text("TRANSPORTS").map_or(Transports::default(), |names| Transports {
            web_sockets: names.contains("WebSockets"),
            server_sent_events: names.contains("ServerSentEvents"),
            long_polling: names.contains("LongPolling"),
        }),
        application_max_buffer_size: number("APP_BUFFER", default.application_max_buffer_size),
        transport_max_buffer_size: number("TRANSPORT_BUFFER", default.transport_max_buffer_size),
        transport_send_timeout: parsed("SEND_MS")
            .map(Duration::from_millis)
            .or(default.transport_send_timeout),
        poll_timeout: millis("POLL_MS", default.poll_timeout),
        close_timeout: millis("CLOSE_MS", default.close_timeout),
        minimum_protocol_version: number("MIN_VERSION", 0),
        close_on_authentication_expiration: text("CLOSE_ON_EXPIRY").as_deref() == Some("1"),
        allow_stateful_reconnects: text("STATEFUL").as_deref() != Some("0"),
        disconnect_timeout: millis("DISCONNECT_MS", default.disconnect_timeout),
    }
}
