//! One fred client from our options. fred's own reconnecting, retrying and re-subscribing stay off:
//! a client lives as long as its connection, and [`link`](super::link) makes the next one.

use std::sync::Arc;

use fred::{
    clients::Client,
    interfaces::ClientLike as _,
    types::{
        Builder, RespVersion,
        config::{
            Config, ConnectionConfig, PerformanceConfig, Server, ServerConfig, TcpConfig, TlsConfig,
        },
    },
};

use super::{Deployment, Options, attempt::Target, reason::reason, tls};

/// Commands that may wait inside fred; ours are bounded before they get there.
const COMMAND_BUFFER: usize = 100_000;

/// fred keeps arrived messages in a ring of this many and overwrites the oldest if nobody reads.
/// It reads up to a megabyte from the socket before anybody else gets to run.
const MESSAGE_RING: usize = 65_536;

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    Commands,
    Subscriptions,
}

/// A client that is not connected yet. The error holds no secret.
pub(super) fn build(options: &Options, purpose: Purpose, target: Target) -> Result<Client, String> {
    let config = config(options, target)?;
    let mut builder = Builder::from_config(config);
    builder.set_connection_config(ConnectionConfig {
        connection_timeout: options.connect_timeout,
        internal_command_timeout: options.connect_timeout,
        max_command_attempts: 1,
        max_command_buffer_len: COMMAND_BUFFER,
        reconnect_on_auth_error: false,
        tcp: TcpConfig {
            nodelay: Some(true),
            ..Default::default()
        },
        ..Default::default()
    });
    builder.set_performance_config(PerformanceConfig {
        default_command_timeout: options.command_timeout,
        ..Default::default()
    });
    // Never fred's `Debug` of a configuration: it shows the password.
    let client = builder.build().map_err(|error| reason(&error))?;
    if purpose == Purpose::Subscriptions {
        enlarge_message_ring(&client);
    }
    Ok(client)
}

/// fred has one setting for all its rings, and eight of this size take 48 MB; messages need one.
fn enlarge_message_ring(client: &Client) {
    let (ring, _) = tokio::sync::broadcast::channel(MESSAGE_RING);
    client.inner().notifications.pubsub.store(Arc::new(ring));
}

fn config(options: &Options, target: Target) -> Result<Config, String> {
    let tls = match &options.tls {
        Some(tls) => Some(TlsConfig::from(tls::connector(tls)?)),
        None => None,
    };
    Ok(Config {
        fail_fast: true,
        username: options.user.clone(),
        password: options.password.clone(),
        server: server_config(options, target),
        version: if target.protocol == 2 {
            RespVersion::RESP2
        } else {
            RespVersion::RESP3
        },
        database: options.database,
        tls,
        ..Default::default()
    })
}

fn server_config(options: &Options, target: Target) -> ServerConfig {
    let servers = |hosts: &[(String, u16)]| -> Vec<Server> {
        hosts.iter().map(|host| server(options, host)).collect()
    };
    match &options.deployment {
        Deployment::Unix(path) => ServerConfig::Unix { path: path.clone() },
        Deployment::Servers(hosts) if !target.cluster => ServerConfig::Centralized {
            server: server(options, &hosts[target.server % hosts.len()]),
        },
        Deployment::Servers(hosts) | Deployment::Cluster(hosts) => ServerConfig::Clustered {
            hosts: servers(hosts),
            policy: fred::types::config::ClusterDiscoveryPolicy::default(),
        },
        Deployment::Sentinels(sentinels) => ServerConfig::Sentinel {
            hosts: servers(&sentinels.hosts),
            service_name: sentinels.service_name.clone(),
            username: sentinels.user.clone(),
            password: sentinels.password.clone(),
        },
    }
}

fn server(options: &Options, (host, port): &(String, u16)) -> Server {
    let mut server = Server::new(host.as_str(), *port);
    server.tls_server_name = options
        .tls
        .as_ref()
        .and_then(|tls| tls.server_name.as_deref())
        .map(Into::into);
    server
}
