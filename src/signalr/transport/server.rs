//! The server: binds, starts the workers, hands requests to the hubs, stops in good order.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tracing::info;

use super::{
    AllowedOrigins, Authenticator, Connections, KnownProxies, OpenConnections,
    builder::ServerBuilder, dispatch, drain, home::HomeOfConnections, http, token_keys::TokenKeys,
};
use crate::signalr::{fleet::Fleet, lifetime::Workers};

/// What all requests share.
pub struct Shared {
    pub(super) hubs: Arc<[dispatch::Numbered]>,
    pub(super) connections: Arc<Connections>,
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) origins: AllowedOrigins,
    pub(super) known_proxies: KnownProxies,
    sockets: Arc<AtomicUsize>,
    maximum_sockets: usize,
}

impl Shared {
    pub(super) fn is_draining(&self) -> bool {
        self.connections.is_draining()
    }

    pub(super) fn has_room(&self) -> bool {
        self.sockets.load(Ordering::Relaxed) < self.maximum_sockets
    }

    pub(super) fn open_connections(&self) -> OpenConnections {
        OpenConnections {
            connections: self.connections.clone(),
            hubs: self.hubs.clone(),
        }
    }

    /// Counts a socket until the guard is dropped.
    pub(super) fn count_socket(&self) -> SocketCount {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        SocketCount(self.sockets.clone())
    }
}

/// One counted socket.
pub struct SocketCount(Arc<AtomicUsize>);

impl Drop for SocketCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ServerBuilder {
    /// Listens and starts the workers. Must be called within a tokio runtime that is not actix's.
    pub fn bind(self, address: SocketAddr) -> io::Result<Server> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )?;
        if address.is_ipv6() {
            let _ = socket.set_only_v6(false);
        }
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(4_096)?;
        self.listen(socket.into())
    }

    /// Starts the workers on a socket that listens already.
    pub fn listen(self, listener: TcpListener) -> io::Result<Server> {
        let address = listener.local_addr()?;
        let workers = Workers::new(self.workers, self.hubs.len());
        let hubs: Arc<[_]> = self.hubs.into_iter().map(Arc::new).enumerate().collect();
        for (index, hub) in hubs.iter() {
            if !hub.lifetime().start(workers.clone(), *index) {
                return Err(io::Error::other("a hub can be served once"));
            }
        }
        let keys = self
            .key
            .map_or_else(TokenKeys::random, TokenKeys::configured);
        let connections = Arc::new(Connections::new(
            keys,
            self.bind_tokens_to_users,
            (workers, hubs.len()),
            self.fleet.clone(),
        ));
        if let Some(fleet) = &self.fleet {
            join(fleet, &connections, &hubs)?;
        }
        let shared = Arc::new(Shared {
            hubs,
            connections,
            authenticator: self.authenticator,
            origins: self.origins,
            known_proxies: self.known_proxies,
            sockets: Arc::default(),
            maximum_sockets: self.maximum_connections,
        });
        let (for_workers, routes) = (shared.clone(), self.routes);
        let server = actix_server::Server::build()
            .workers(self.workers)
            .max_concurrent_connections(self.maximum_connections)
            .disable_signals()
            .shutdown_timeout(1)
            .listen("signalr", listener, move || {
                http::service(&for_workers, &routes, address)
            })?
            .run();
        Ok(Server {
            handle: ServerHandle {
                actix: server.handle(),
                shared,
            },
            server,
            address,
        })
    }
}

/// From here on the other instances reach this one's connections.
fn join(
    fleet: &Arc<Fleet>,
    connections: &Arc<Connections>,
    hubs: &Arc<[dispatch::Numbered]>,
) -> io::Result<()> {
    let limits = hubs
        .iter()
        .map(|(_, hub)| hub.connection_options().disconnect_timeout);
    let remembered = connections.remembered(limits.max().unwrap_or_default());
    let home = HomeOfConnections {
        connections: connections.clone(),
        hubs: hubs.clone(),
    };
    if fleet.serve(Arc::new(home), remembered) {
        return Ok(());
    }
    Err(io::Error::other("an instance serves once"))
}

/// A server that listens.
pub struct Server {
    server: actix_server::Server,
    handle: ServerHandle,
    address: SocketAddr,
}

/// Reaches a running server.
#[derive(Clone)]
pub struct ServerHandle {
    actix: actix_server::ServerHandle,
    shared: Arc<Shared>,
}

impl Server {
    /// Begins a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// For stopping it, and for asking how it does.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until it is stopped.
    pub async fn run(self) -> io::Result<()> {
        self.server.await
    }
}

impl ServerHandle {
    /// Whether the server takes no new connections any more.
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining()
    }

    /// The open connections, of all instances.
    pub fn open_connections(&self) -> OpenConnections {
        self.shared.open_connections()
    }

    /// Open WebSockets.
    pub fn socket_count(&self) -> usize {
        self.shared.sockets.load(Ordering::Relaxed)
    }

    /// Takes no new connections any more and leaves the open ones as they are. Clients and proxies
    /// that keep TCP connections to this instance are made to choose anew with their next request.
    pub fn refuse_connections(&self) {
        self.shared.connections.drain();
    }

    /// Stops within `grace`: no new connections, clients are told to come back, a few at a time.
    pub async fn stop(&self, grace: Duration) {
        self.refuse_connections();
        let left = drain::drain(&self.shared.connections, grace).await;
        info!(left, "connections are closed");
        if let Some(fleet) = self.shared.connections.fleet() {
            drain::finish_polls(fleet, grace).await;
            fleet.leave().await;
        }
        self.actix.stop(true).await;
    }
}
