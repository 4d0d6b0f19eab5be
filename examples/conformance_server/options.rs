//! The server's options, from environment variables. One that is unset or empty means the default.

use std::{env, fmt, str::FromStr, time::Duration};

use managing_api::signalr::{
    backplane::redis::RedisBackplaneOptions,
    connection::{ConnectionOptions, Transports},
    hub::HubOptions,
    protocol::Protocol,
};

type Lookup = dyn Fn(&str) -> Option<String>;

/// Environment variables, or a stand-in for them.
pub struct Environment(Box<Lookup>);

/// A variable that holds something else than it should.
#[derive(Debug)]
pub struct Unreadable {
    name: &'static str,
    value: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={} cannot be read", self.name, self.value)
    }
}

impl std::error::Error for Unreadable {}

impl Environment {
    /// This process's variables.
    pub fn of_process() -> Self {
        Self(Box::new(|name| env::var(name).ok()))
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// Whether a variable is `1`.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name).as_deref() == Some("1")
    }

    /// A number.
    pub fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Unreadable> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Unreadable { name, value }),
        }
    }

    fn milliseconds(&self, name: &'static str) -> Result<Option<Duration>, Unreadable> {
        Ok(self.number(name)?.map(Duration::from_millis))
    }

    /// How the hub treats its connections.
    pub fn hub_options(&self) -> Result<HubOptions, Unreadable> {
        let mut options = HubOptions {
            enable_detailed_errors: self.flag("DETAILED"),
            ..HubOptions::default()
        };
        set(
            &mut options.keep_alive_interval,
            self.milliseconds("KEEPALIVE_MS")?,
        );
        set(
            &mut options.client_timeout_interval,
            self.milliseconds("TIMEOUT_MS")?,
        );
        set(
            &mut options.handshake_timeout,
            self.milliseconds("HANDSHAKE_MS")?,
        );
        set(
            &mut options.maximum_parallel_invocations_per_client,
            self.number("PARALLEL")?,
        );
        set(
            &mut options.stream_buffer_capacity,
            self.number("STREAM_CAPACITY")?,
        );
        set(
            &mut options.stateful_reconnect_buffer_size,
            self.number("STATEFUL_BUFFER")?,
        );
        set(&mut options.maximum_backlog, self.number("BACKLOG")?);
        if let Some(size) = self.number("MAX_MESSAGE")? {
            options.maximum_receive_message_size = (size > 0).then_some(size);
        }
        if let Some(names) = self.text("PROTOCOLS") {
            options.supported_protocols = names
                .split(',')
                .filter_map(|name| Protocol::from_name(name.trim()))
                .collect();
        }
        Ok(options)
    }

    /// What may wait for Redis, and for other instances.
    pub fn backplane_options(&self) -> Result<RedisBackplaneOptions, Unreadable> {
        let mut options = RedisBackplaneOptions::default();
        set(&mut options.queue_bytes, self.number("QUEUE_BYTES")?);
        set(&mut options.queue_time, self.milliseconds("QUEUE_MS")?);
        set(&mut options.ack_timeout, self.milliseconds("ACK_MS")?);
        set(
            &mut options.client_result_timeout,
            self.milliseconds("CLIENT_RESULT_MS")?,
        );
        Ok(options)
    }

    /// How clients are connected.
    pub fn connection_options(&self) -> Result<ConnectionOptions, Unreadable> {
        let mut options = ConnectionOptions {
            allow_stateful_reconnects: self.text("STATEFUL").as_deref() != Some("0"),
            close_on_authentication_expiration: self.flag("CLOSE_ON_EXPIRY"),
            ..ConnectionOptions::default()
        };
        set(&mut options.poll_timeout, self.milliseconds("POLL_MS")?);
        set(
            &mut options.disconnect_timeout,
            self.milliseconds("DISCONNECT_MS")?,
        );
        set(&mut options.close_timeout, self.milliseconds("CLOSE_MS")?);
        set(
            &mut options.minimum_protocol_version,
            self.number("MIN_VERSION")?,
        );
        set(
            &mut options.application_max_buffer_size,
            self.number("APP_BUFFER")?,
        );
        set(
            &mut options.transport_max_buffer_size,
            self.number("TRANSPORT_BUFFER")?,
        );
        if let Some(limit) = self.milliseconds("SEND_MS")? {
            options.transport_send_timeout = Some(limit);
        }
        if let Some(names) = self.text("TRANSPORTS") {
            let has = |wanted: &str| names.split(',').any(|name| name.trim() == wanted);
            options.transports = Transports {
                web_sockets: has("WebSockets"),
                server_sent_events: has("ServerSentEvents"),
                long_polling: has("LongPolling"),
            };
        }
        Ok(options)
    }
}

/// Replaces an option that was given.
fn set<T>(option: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *option = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &'static [(&str, &str)]) -> Environment {
        Environment(Box::new(move |wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted)?;
            Some(found.1.to_owned())
        }))
    }

    #[test]
    fn unset_and_empty_mean_the_default() {
        let environment = environment(&[("KEEPALIVE_MS", "")]);
        assert_eq!(environment.hub_options().unwrap(), HubOptions::default());
        let expected = ConnectionOptions {
            allow_stateful_reconnects: true,
            ..ConnectionOptions::default()
        };
        assert_eq!(environment.connection_options().unwrap(), expected);
    }

    #[test]
    fn every_kind_of_option_is_read() {
        let environment = environment(&[
            ("MAX_MESSAGE", "0"),
            ("PROTOCOLS", "json"),
            ("TRANSPORTS", "WebSockets, LongPolling"),
            ("SEND_MS", "2000"),
            ("STATEFUL", "0"),
        ]);
        let hub = environment.hub_options().unwrap();
        assert_eq!(hub.maximum_receive_message_size, None);
        assert_eq!(hub.supported_protocols, [Protocol::Json]);
        let connection = environment.connection_options().unwrap();
        assert!(!connection.transports.server_sent_events && connection.transports.long_polling);
        assert_eq!(
            connection.transport_send_timeout,
            Some(Duration::from_secs(2))
        );
        assert!(!connection.allow_stateful_reconnects);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let error = environment(&[("PARALLEL", "many")])
            .hub_options()
            .unwrap_err();
        assert_eq!(error.to_string(), "PARALLEL=many cannot be read");
    }
}
