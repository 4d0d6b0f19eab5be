//! `SignalR:…`: the options ASP.NET Core knows, under its names, for all hubs and per hub.
//!
//! Only what an operator set is recorded here; the defaults are the SignalR server's own.

use std::{collections::BTreeMap, time::Duration};

use super::{Secret, Section};

/// What was set for all hubs, and for one hub in place of it.
#[derive(Clone, Debug, Default)]
pub struct SignalRSettings {
    global: HubSettings,
    /// By the hub's path without its slash, in lower case: `llmhub`.
    per_hub: BTreeMap<String, HubSettings>,
    /// How long a connection without a transport is kept. One for the whole process, as in
    /// ASP.NET Core.
    pub disconnect_timeout: Option<Duration>,
    /// The key that signs connection tokens, when the operator wants to choose it.
    pub token_key: Option<Secret>,
    /// What waits for Redis and for other instances.
    pub backplane: BackplaneSettings,
}

/// `SignalR:Backplane:…`, for each hub; `None` where nothing was set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BackplaneSettings {
    pub queue_bytes: Option<usize>,
    pub queue_time: Option<Duration>,
    pub ack_timeout: Option<Duration>,
    pub client_result_timeout: Option<Duration>,
}

/// The options of a hub and of its endpoint; `None` where nothing was set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HubSettings {
    pub keep_alive_interval: Option<Duration>,
    pub client_timeout_interval: Option<Duration>,
    pub handshake_timeout: Option<Duration>,
    /// `Some(None)`: unlimited.
    pub maximum_receive_message_size: Option<Option<usize>>,
    pub stream_buffer_capacity: Option<usize>,
    pub maximum_parallel_invocations_per_client: Option<usize>,
    pub stateful_reconnect_buffer_size: Option<usize>,
    pub enable_detailed_errors: Option<bool>,
    pub supported_protocols: Option<Vec<String>>,

    pub transports: Option<Vec<TransportName>>,
    pub application_max_buffer_size: Option<usize>,
    pub transport_max_buffer_size: Option<usize>,
    /// `Some(None)`: never.
    pub transport_send_timeout: Option<Option<Duration>>,
    pub poll_timeout: Option<Duration>,
    pub close_timeout: Option<Duration>,
    pub minimum_protocol_version: Option<i32>,
    pub close_on_authentication_expiration: Option<bool>,
    pub allow_stateful_reconnects: Option<bool>,

    /// The hub's full .NET type name, which names its Redis channels.
    pub type_name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportName {
    WebSockets,
    ServerSentEvents,
    LongPolling,
}

/// Sizes are bounded so that a slip of the finger is noticed at start.
const MOST_BYTES: usize = 1 << 30;

impl SignalRSettings {
    pub(super) fn read(root: &Section) -> Self {
        let section = root.section("SignalR");
        let per_hub = section.sections("Hubs");
        Self {
            global: HubSettings::read(&section),
            per_hub: per_hub
                .iter()
                .map(|(name, hub)| (name.clone(), HubSettings::read(hub)))
                .collect(),
            disconnect_timeout: section.duration("DisconnectTimeout"),
            token_key: section.secret("TokenKey"),
            backplane: BackplaneSettings::read(&section.section("Backplane")),
        }
    }

    /// What holds for one hub.
    pub fn hub(&self, name: &str) -> HubSettings {
        match self.per_hub.get(&name.to_lowercase()) {
            Some(hub) => hub.clone().or(&self.global),
            None => self.global.clone(),
        }
    }

    /// The hubs that have settings of their own.
    pub fn hub_names(&self) -> impl Iterator<Item = &str> {
        self.per_hub.keys().map(String::as_str)
    }
}

impl BackplaneSettings {
    fn read(section: &Section) -> Self {
        Self {
            queue_bytes: section.number("QueueBytes", 1..=MOST_BYTES),
            queue_time: section.duration("QueueTime"),
            ack_timeout: section.duration("AckTimeout"),
            client_result_timeout: section.duration("ClientResultTimeout"),
        }
    }
}

impl HubSettings {
    fn read(section: &Section) -> Self {
        Self {
            keep_alive_interval: section.duration("KeepAliveInterval"),
            client_timeout_interval: section.duration("ClientTimeoutInterval"),
            handshake_timeout: section.duration("HandshakeTimeout"),
            maximum_receive_message_size: section
                .limit("MaximumReceiveMessageSize", 1..=MOST_BYTES),
            stream_buffer_capacity: section.number("StreamBufferCapacity", 1..=1_000_000),
            maximum_parallel_invocations_per_client: section
                .number("MaximumParallelInvocationsPerClient", 1..=1_000_000),
            stateful_reconnect_buffer_size: section
                .number("StatefulReconnectBufferSize", 1..=MOST_BYTES),
            enable_detailed_errors: section.flag("EnableDetailedErrors"),
            supported_protocols: protocols(section),
            transports: transports(section),
            application_max_buffer_size: section.number("ApplicationMaxBufferSize", 0..=MOST_BYTES),
            transport_max_buffer_size: section.number("TransportMaxBufferSize", 0..=MOST_BYTES),
            transport_send_timeout: section.duration_or_infinite("TransportSendTimeout"),
            poll_timeout: section.section("LongPolling").duration("PollTimeout"),
            close_timeout: section.section("WebSockets").duration("CloseTimeout"),
            minimum_protocol_version: section.number("MinimumProtocolVersion", 0..=1),
            close_on_authentication_expiration: section.flag("CloseOnAuthenticationExpiration"),
            allow_stateful_reconnects: section.flag("AllowStatefulReconnects"),
            type_name: section.text("TypeName"),
        }
    }

    /// This hub's values, and the global ones where it has none.
    fn or(self, global: &Self) -> Self {
        let global = global.clone();
        macro_rules! either {
            ($($field:ident),* $(,)?) => { Self { $($field: self.$field.or(global.$field)),* } };
        }
        either! {
            keep_alive_interval, client_timeout_interval, handshake_timeout,
            maximum_receive_message_size, stream_buffer_capacity,
            maximum_parallel_invocations_per_client, stateful_reconnect_buffer_size,
            enable_detailed_errors, supported_protocols,
            transports, application_max_buffer_size, transport_max_buffer_size,
            transport_send_timeout, poll_timeout, close_timeout, minimum_protocol_version,
            close_on_authentication_expiration, allow_stateful_reconnects, type_name,
        }
    }
}

fn protocols(section: &Section) -> Option<Vec<String>> {
    let key = "SupportedProtocols";
    let names: Vec<String> = section
        .list(key)?
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    if names.is_empty() {
        section.fault(key, "There are no supported protocols");
    }
    for name in &names {
        if !matches!(name.as_str(), "json" | "messagepack") {
            section.fault(key, "knows only json and messagepack");
        }
    }
    Some(names)
}

fn transports(section: &Section) -> Option<Vec<TransportName>> {
    let key = "Transports";
    let mut transports = Vec::new();
    for name in section.list(key)? {
        match name.to_ascii_lowercase().as_str() {
            "websockets" => transports.push(TransportName::WebSockets),
            "serversentevents" => transports.push(TransportName::ServerSentEvents),
            "longpolling" => transports.push(TransportName::LongPolling),
            "all" => transports.extend([
                TransportName::WebSockets,
                TransportName::ServerSentEvents,
                TransportName::LongPolling,
            ]),
            _ => section.fault(key, "knows WebSockets, ServerSentEvents and LongPolling"),
        }
    }
    if transports.is_empty() {
        section.fault(key, "names no transport");
    }
    Some(transports)
}
