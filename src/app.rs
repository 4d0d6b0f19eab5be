//! The composition root: settings become services, services become hubs and routes, and the
//! server runs until a signal stops it.

mod about;
mod backplane;
mod chat;
mod hubs;
mod limits;
mod listen;
mod numbers;
mod options;
mod otlp;
mod queues;
mod redis;
mod signals;
mod startup;
mod storage;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::{LocalSet, spawn_local};

use self::{about::About, hubs::Hubs, redis::Redis, signals::StopSignals, storage::Storage};
use crate::{
    api::{
        fallback,
        fleet::{self, FleetRoutes},
        health::{self, Readiness, RedisLink},
        metrics::{self, MetricsRoute},
        openapi,
        sends::{self, SendRoutes, access::SendAccess},
        trading::{self, TradingRoutes},
    },
    auth::{AccessKeys, Authentication, Limits},
    chat::ChatService,
    console,
    redis::RedisLimiter,
    settings::{Origins, Settings},
    signalr::{
        fleet::Fleet,
        transport::{AllowedOrigins, KnownProxies, Server, ServerBuilder, ServerHandle, TokenKey},
    },
};

pub(crate) use self::{
    limits::{connections_within, files_for},
    redis::{service_options as redis_options, token_key_mark},
};

/// What is left of the grace period for what comes after the last connection.
const LAST_MOMENTS: Duration = Duration::from_millis(500);

/// Runs the server until `SIGTERM` or `SIGINT` has stopped it in good order.
pub fn run(mut settings: Settings) -> io::Result<()> {
    let authentication = Authentication::new(&settings.authentication).map_err(io::Error::other)?;
    let limits = Limits::new(settings.limits, !authentication.is_open());
    let authentication = authentication.limited_by(limits.clone());
    startup::report(&settings, &authentication);
    settings.server.max_connections = limits::raise_file_limit(settings.server.max_connections);
    // This thread is for what belongs to no worker: signals and the services' background work.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tasks = LocalSet::new();
    let serving = serve(settings, Arc::new(authentication), limits);
    runtime.block_on(tasks.run_until(serving))
}

async fn serve(
    settings: Settings,
    authentication: Arc<Authentication>,
    limits: Limits,
) -> io::Result<()> {
    let signals = StopSignals::catch()?;
    let about = Arc::new(About::new(&settings));
    let redis = Redis::connect(&settings, &about);
    let storage = Storage::open(&settings, redis.as_ref())?;
    let hubs = Hubs::new(&settings, redis.as_ref(), storage, &limits)?;
    let chat = hubs.chat.clone();
    let readiness = Readiness::new(redis.as_ref().map(|redis| RedisLink {
        state: redis.service.watch(),
        instance: redis.instances.id().clone(),
    }));
    let numbers = Arc::new(numbers::all(&hubs, redis.as_ref(), &about));
    let exporter = settings.otlp.clone().ok().flatten();
    let mut exporter = exporter.and_then(|otlp| otlp::exporter(otlp, numbers.clone()));
    let metrics = MetricsRoute {
        metrics: numbers,
        authentication: authentication.clone(),
        required_role: settings.metrics_role.clone(),
    };
    let listener = listen::listen(settings.server.port).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("port {}: {error}", settings.server.port),
        )
    })?;
    let trading = TradingRoutes {
        authentication: authentication.clone(),
        bots: hubs.bots.clone(),
        backtests: hubs.backtests.clone(),
    };
    let access_keys = AccessKeys::new(
        &settings.access_keys,
        settings.authentication.jwt.clock_skew,
    );
    let sends = SendRoutes {
        hubs: hubs.contexts.as_slice().into(),
        access: Arc::new(SendAccess {
            keys: access_keys,
            authentication: authentication.clone(),
        }),
        instances: redis.as_ref().map(|redis| redis.instances.clone()),
    };
    sends.serve_instances();
    let for_routes = about.clone();
    let fleet = FleetRoutes {
        authentication: authentication.clone(),
        id: about.id.clone(),
        about: Arc::new(move || for_routes.describe()),
        instances: redis.as_ref().map(|redis| redis.instances.clone()),
    };
    let for_keys = authentication.clone();
    spawn_local(async move { for_keys.fetch_keys().await });
    if let Some(redis) = &redis {
        let (limits, redis) = (limits.clone(), redis.service.clone());
        let limiter = Arc::new(RedisLimiter::new(redis));
        spawn_local(async move { limits.share_through(limiter).await });
    }
    spawn_local(async move { limits.sweep().await });
    let for_routes = readiness.clone();
    let hub_names: Vec<_> = hubs.contexts.iter().map(|(name, _)| *name).collect();
    let server = builder(&settings, hubs, redis.as_ref())
        .authenticator(authentication)
        .routes(move |config| {
            health::routes(config, for_routes.clone());
            metrics::routes(config, metrics.clone());
            openapi::routes(config);
            trading::routes(config, trading.clone());
            sends::routes(config, sends.clone());
            fleet::routes(config, fleet.clone());
            console::routes(config);
            fallback::routes(config, &hub_names);
        })
        .listen(listener)?;
    let port = server.local_addr().port();
    let _ = about.connections.set(server.handle().open_connections());
    readiness.set_ready();
    tracing::info!(port, "Listening on http://localhost:{port}");
    let stopping = Stopping {
        signals,
        server: server.handle(),
        chat,
        readiness,
        grace: settings.server.shutdown_grace,
    };
    let stopping = stopping.at_signal();
    let exporting = async {
        match &mut exporter {
            Some(exporter) => exporter.run().await,
            None => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        served = server.run() => served,
        stopped = stopping => stopped,
        () = exporting => Ok(()),
    };
    if let Some(exporter) = &mut exporter {
        let _ = tokio::time::timeout(LAST_MOMENTS, exporter.export()).await;
    }
    if let Some(redis) = &redis {
        let _ = tokio::time::timeout(LAST_MOMENTS, redis.leave()).await;
    }
    tracing::info!("Stopped");
    outcome
}

fn builder(settings: &Settings, hubs: Hubs, redis: Option<&Redis>) -> ServerBuilder {
    let mut builder = Server::builder()
        .origins(match &settings.cors_origins {
            Origins::Any => AllowedOrigins::Any,
            Origins::Listed(origins) => AllowedOrigins::Only(origins.clone()),
        })
        .known_proxies(known_proxies(settings))
        .bind_tokens_to_users()
        .workers(settings.server.workers)
        .maximum_connections(settings.server.max_connections);
    if let Some(key) = &settings.signalr.token_key {
        builder = builder.token_key(TokenKey::from_secret(key.expose().as_bytes()));
    }
    if let Some(redis) = redis {
        builder = builder.fleet(Fleet::new(redis.service.clone(), redis.instances.clone()));
    }
    hubs.endpoints
        .into_iter()
        .fold(builder, |builder, hub| builder.hub(hub))
}

fn known_proxies(settings: &Settings) -> KnownProxies {
    let networks = settings.known_proxies.clone();
    KnownProxies::new(move |peer| networks.iter().any(|network| network.contains(peer)))
}

/// What has a part in a stop.
struct Stopping {
    signals: StopSignals,
    server: ServerHandle,
    chat: Arc<ChatService>,
    readiness: Readiness,
    grace: Duration,
}

impl Stopping {
    /// Drains after the first signal; a second one ends the process at once.
    async fn at_signal(mut self) -> io::Result<()> {
        let signal = self.signals.next().await;
        self.readiness.set_draining();
        tracing::info!(signal, grace_seconds = self.grace.as_secs_f64(), "Stopping");
        let drain = drain(&self.server, &self.chat, self.grace);
        tokio::select! {
            () = drain => {}
            () = tokio::time::sleep(self.grace) => {
                tracing::warn!("⚠️ The grace period is over, stopping as it is");
            }
            signal = self.signals.next() => tracing::warn!(signal, "Stopping at once"),
        }
        Ok(())
    }
}

/// Who watches an answer sees how it ends; then the connections go.
async fn drain(server: &ServerHandle, chat: &ChatService, grace: Duration) {
    let begin = Instant::now();
    server.refuse_connections();
    chat.drain(grace / 2).await;
    let left = grace.saturating_sub(begin.elapsed() + LAST_MOMENTS);
    server.stop(left).await;
}
