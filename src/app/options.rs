//! From settings to the SignalR server's options: product defaults first, then what was set.

use crate::{
    settings::{BackplaneSettings, HubSettings, SignalRSettings, TransportName},
    signalr::{
        backplane::redis::RedisBackplaneOptions,
        connection::{ConnectionOptions, Transports},
        hub::HubOptions,
        protocol::Protocol,
    },
};

/// The limit of one hub message, unless the settings say otherwise.
const MAXIMUM_MESSAGE: usize = 1 << 20;

/// Sets what was set and leaves the rest.
macro_rules! apply {
    ($settings:ident to $options:ident: $($field:ident),* $(,)?) => {
        $(if let Some(value) = $settings.$field { $options.$field = value; })*
    };
}

/// The options of one of our hubs.
pub(super) fn hub_options(hub: &HubSettings) -> HubOptions {
    let hub = hub.clone();
    let mut options = HubOptions {
        maximum_receive_message_size: Some(MAXIMUM_MESSAGE),
        ..HubOptions::default()
    };
    apply!(hub to options:
        keep_alive_interval, client_timeout_interval, handshake_timeout,
        maximum_receive_message_size, stream_buffer_capacity,
        maximum_parallel_invocations_per_client, stateful_reconnect_buffer_size,
        enable_detailed_errors,
    );
    if let Some(names) = &hub.supported_protocols {
        options.supported_protocols = names
            .iter()
            .filter_map(|name| Protocol::from_name(name))
            .collect();
    }
    options
}

/// The bounds of each hub's backplane.
pub(super) fn backplane_options(backplane: &BackplaneSettings) -> RedisBackplaneOptions {
    let backplane = backplane.clone();
    let mut options = RedisBackplaneOptions::default();
    apply!(backplane to options:
        queue_bytes, queue_time, ack_timeout, client_result_timeout,
    );
    options
}

/// The options of one of our endpoints.
pub(super) fn connection_options(
    signalr: &SignalRSettings,
    hub: &HubSettings,
) -> ConnectionOptions {
    let hub = hub.clone();
    let mut options = ConnectionOptions {
        allow_stateful_reconnects: true,
        close_on_authentication_expiration: true,
        ..ConnectionOptions::default()
    };
    apply!(hub to options:
        application_max_buffer_size, transport_max_buffer_size, transport_send_timeout,
        poll_timeout, close_timeout, minimum_protocol_version,
        close_on_authentication_expiration, allow_stateful_reconnects,
    );
    apply!(signalr to options: disconnect_timeout);
    if let Some(names) = &hub.transports {
        options.transports = Transports {
            web_sockets: names.contains(&TransportName::WebSockets),
            server_sent_events: names.contains(&TransportName::ServerSentEvents),
            long_polling: names.contains(&TransportName::LongPolling),
        };
    }
    options
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::{Settings, Sources};

    fn signalr(variables: &[(&str, &str)]) -> SignalRSettings {
        let sources = Sources::new("nowhere", variables.iter().copied());
        Settings::load(&sources).expect("is valid").signalr
    }

    #[test]
    fn our_hubs_take_a_mebibyte_and_resume_and_otherwise_have_the_known_defaults() {
        let signalr = signalr(&[]);
        let hub = signalr.hub("llmhub");
        let options = hub_options(&hub);
        assert_eq!(options.maximum_receive_message_size, Some(1 << 20));
        assert_eq!(options.keep_alive_interval, Duration::from_secs(15));
        let options = connection_options(&signalr, &hub);
        assert!(options.allow_stateful_reconnects && options.close_on_authentication_expiration);
        assert_eq!(options.poll_timeout, Duration::from_secs(90));
    }

    #[test]
    fn what_was_set_reaches_the_server() {
        let signalr = signalr(&[
            ("SignalR__MaximumReceiveMessageSize", "5000"),
            ("SignalR__SupportedProtocols__0", "messagepack"),
            ("SignalR__Transports", "LongPolling"),
            ("SignalR__TransportSendTimeout", "-1"),
            ("SignalR__DisconnectTimeout", "00:00:03"),
            ("SignalR__Hubs__bothub__StreamBufferCapacity", "3"),
        ]);
        let hub = signalr.hub("bothub");
        let options = hub_options(&hub);
        assert_eq!(options.maximum_receive_message_size, Some(5000));
        assert_eq!(options.supported_protocols, [Protocol::MessagePack]);
        assert_eq!(options.stream_buffer_capacity, 3);
        let options = connection_options(&signalr, &hub);
        assert!(options.transports.long_polling && !options.transports.web_sockets);
        assert_eq!(options.transport_send_timeout, None);
        assert_eq!(options.disconnect_timeout, Duration::from_secs(3));
    }
}
