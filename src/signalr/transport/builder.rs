//! What a server is made of: its hubs, and what goes without saying if nothing is said.

use std::sync::Arc;

use actix_web::web;

use super::{AllowedOrigins, Anonymous, Authenticator, KnownProxies, TokenKey};
use crate::signalr::{fleet::Fleet, hub::HubEndpoint};

pub(super) type Routes = Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

/// Collects what a server needs.
pub struct ServerBuilder {
    pub(super) hubs: Vec<HubEndpoint>,
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) origins: AllowedOrigins,
    pub(super) known_proxies: KnownProxies,
    pub(super) key: Option<TokenKey>,
    pub(super) fleet: Option<Arc<Fleet>>,
    pub(super) bind_tokens_to_users: bool,
    pub(super) workers: usize,
    pub(super) maximum_connections: usize,
    pub(super) routes: Routes,
}

/// One worker per core but one, and at least one: the kernel's network, Redis and everything that is
/// not a connection need a core as well. Measured on two cores, one worker against two: fan-out as
/// fast as possible costs a sixth per delivery, because more of it leaves together; a call costs 0.75.
fn default_workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_sub(1).max(1)
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            hubs: Vec::new(),
            authenticator: Arc::new(Anonymous),
            origins: AllowedOrigins::Any,
            known_proxies: KnownProxies::default(),
            key: None,
            fleet: None,
            bind_tokens_to_users: false,
            workers: default_workers(),
            maximum_connections: 100_000,
            routes: Arc::new(|_| {}),
        }
    }
}

impl ServerBuilder {
    /// Serves a hub.
    pub fn hub(mut self, endpoint: HubEndpoint) -> Self {
        self.hubs.push(endpoint);
        self
    }

    /// Decides who is let in. Everybody, if nothing is said.
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.authenticator = authenticator;
        self
    }

    /// Which pages may connect. Every page, if nothing is said.
    pub fn origins(mut self, origins: AllowedOrigins) -> Self {
        self.origins = origins;
        self
    }

    /// Whose word is taken for which client sent a request, and to which host. Nobody's, if nothing
    /// is said.
    pub fn known_proxies(mut self, proxies: KnownProxies) -> Self {
        self.known_proxies = proxies;
        self
    }

    /// The key tokens are signed with. The fleet's, if nothing is said; alone, a random one.
    pub fn token_key(mut self, key: TokenKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Other instances that serve the same hubs. A server is the only one, if nothing is said.
    pub fn fleet(mut self, fleet: Arc<Fleet>) -> Self {
        self.fleet = Some(fleet);
        self
    }

    /// Only who negotiated a token may use it; others get 403.
    pub fn bind_tokens_to_users(mut self) -> Self {
        self.bind_tokens_to_users = true;
        self
    }

    /// Worker threads. If nothing is said, one per core but one, at least one.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// WebSockets at once; more get 503.
    pub fn maximum_connections(mut self, maximum: usize) -> Self {
        self.maximum_connections = maximum;
        self
    }

    /// Routes beside the hubs. They go first.
    pub fn routes(
        mut self,
        routes: impl Fn(&mut web::ServiceConfig) + Send + Sync + 'static,
    ) -> Self {
        self.routes = Arc::new(routes);
        self
    }
}
