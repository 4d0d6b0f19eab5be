//! The fleet's Redis: from settings to the service, and what the operator reads about it.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::about::About;
use crate::{
    redis::{Deployment, Instances, Options, RedisService, Sentinels, State, Tls, other_fleets},
    settings::{
        RedisOptions, RedisSettings, Settings,
        redis::{Addresses, Certificates},
    },
    telemetry::metrics::{Metrics, Reading},
};

/// Of StackExchange.Redis, for whatever the connection string does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the own fleet is reported, so that others see it.
const REPORT_FLEET: Duration = Duration::from_secs(60);

/// What there is with a Redis. Without one every instance stands alone.
#[derive(Clone)]
pub(super) struct Redis {
    pub service: RedisService,
    pub instances: Arc<Instances>,
}

impl Redis {
    /// Begins to connect if the settings name a Redis, and says so.
    pub fn connect(settings: &Settings, about: &Arc<About>) -> Option<Self> {
        report_settings(&settings.redis);
        let RedisSettings::Configured { options, .. } = &settings.redis else {
            return None;
        };
        let service = RedisService::start(service_options(options, &settings.fleet_name));
        let _ = about.redis.set(service.watch());
        let (id, about) = (about.id.clone(), about.clone());
        let instances = Instances::start(&service, id, move || json!(about.describe()));
        service.spawn(report_changes(service.clone()));
        Some(Self { service, instances })
    }

    /// Says goodbye to the fleet and to Redis.
    pub async fn leave(&self) {
        self.instances.leave().await;
        self.service.shutdown().await;
    }

    pub fn add_to(&self, metrics: &mut Metrics) {
        let service = self.service.clone();
        let up = Reading::new(&[], move || u64::from(service.state().is_up()));
        metrics.gauge("redis_up", "Connected and subscribed", vec![up]);
        let service = self.service.clone();
        let queued = move || service.pub_sub().queued_bytes() as u64;
        metrics.gauge(
            "redis_received_waiting_bytes",
            "Messages that were received and wait to be handled",
            vec![Reading::new(&[], queued)],
        );
        let numbers = self.service.numbers().clone();
        let round_trip = Reading::new(&[], move || numbers.round_trip.get());
        metrics.gauge(
            "redis_round_trip_microseconds",
            "The last ping",
            vec![round_trip],
        );
        let numbers = self.service.numbers();
        let counter = |read: fn(&crate::redis::Numbers) -> u64| {
            let numbers = numbers.clone();
            vec![Reading::new(&[], move || read(&numbers))]
        };
        metrics.counter(
            "redis_connection_failures",
            "Attempts to connect that failed, and connections that were lost",
            counter(|numbers| numbers.failures.get()),
        );
        metrics.counter(
            "redis_reconnects",
            "Connections made again after a loss",
            counter(|numbers| numbers.reconnects.get()),
        );
        metrics.counter(
            "redis_published",
            "Messages published",
            counter(|numbers| numbers.published.get()),
        );
        metrics.counter(
            "redis_received",
            "Messages received",
            counter(|numbers| numbers.received.get()),
        );
        metrics.counter(
            "redis_lost",
            "Messages received and dropped because a queue was full",
            counter(|numbers| numbers.lost.get()),
        );
    }
}

/// Tells keys apart without telling them: instances with different marks do not accept each
/// other's connection tokens. `shared` is the key that Redis keeps for all.
pub(crate) fn token_key_mark(settings: &Settings) -> String {
    let Some(key) = &settings.signalr.token_key else {
        return "shared".to_owned();
    };
    let digest = Sha256::new()
        .chain_update(b"managing-api token key mark\n")
        .chain_update(key.expose().as_bytes())
        .finalize();
    digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn report_settings(settings: &RedisSettings) {
    match settings {
        RedisSettings::Off { reason } => {
            tracing::info!(reason, "Redis not configured");
            tracing::info!("SignalR will work in single-instance mode only");
        }
        RedisSettings::Configured { options, source } => {
            tracing::info!(
                source,
                "✅ Configuring SignalR with Redis backplane: {options}"
            );
        }
        RedisSettings::Unusable { problem, source } => {
            tracing::warn!(
                source,
                "⚠️ Failed to configure SignalR Redis backplane: {problem}"
            );
            tracing::warn!("SignalR will work in single-instance mode only");
        }
    }
}

/// Logs every change of the state, and which other fleets are there.
async fn report_changes(service: RedisService) {
    let mut states = service.watch();
    let mut report = Report::default();
    loop {
        let state = states.borrow_and_update().clone();
        if report.state(&state) && state.is_up() {
            report.fleets(&service).await;
        }
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(REPORT_FLEET) => report.fleets(&service).await,
        }
    }
}

#[derive(Default)]
struct Report {
    was_up: bool,
    /// The reason that was logged last; `None` while all is well.
    failure: Option<Arc<str>>,
    others: Vec<String>,
}

impl Report {
    /// Whether there was something to say.
    fn state(&mut self, state: &State) -> bool {
        match state {
            State::Up => {
                let news = !self.was_up || self.failure.is_some();
                if news {
                    tracing::info!("✅ Redis connection established successfully");
                }
                self.was_up = true;
                self.failure = None;
                news
            }
            State::Down { reason, .. } if self.failure.as_ref() != Some(reason) => {
                if self.was_up {
                    tracing::warn!(
                        "⚠️ The connection to Redis is lost ({reason}). Clients stay connected, \
                         and this instance works alone until Redis answers"
                    );
                } else {
                    tracing::warn!("⚠️ Failed to configure SignalR Redis backplane: {reason}");
                    tracing::warn!("SignalR will work in single-instance mode only");
                    tracing::info!("Redis is tried again until it answers");
                }
                self.failure = Some(reason.clone());
                true
            }
            _ => false,
        }
    }

    async fn fleets(&mut self, service: &RedisService) {
        let Ok(others) = other_fleets(service).await else {
            return;
        };
        if others != self.others && !others.is_empty() {
            tracing::warn!(
                own = service.fleet(),
                others = others.join(", "),
                "⚠️ Another fleet uses the same Redis and channelPrefix: hub messages reach both. \
                 Give one of them a channelPrefix of its own"
            );
        }
        self.others = others;
    }
}

/// The service's options from what the connection string says.
pub(crate) fn service_options(options: &RedisOptions, fleet: &str) -> Options {
    let text = |secret: &Option<crate::settings::Secret>| {
        secret.as_ref().map(|secret| secret.expose().to_owned())
    };
    let milliseconds = |value: Option<u32>| value.map(|ms| Duration::from_millis(ms.into()));
    let sync_timeout = milliseconds(options.sync_timeout_ms).unwrap_or(DEFAULT_TIMEOUT);
    Options {
        deployment: deployment(
            options,
            text(
                &options
                    .sentinel_password
                    .clone()
                    .or(options.password.clone()),
            ),
        ),
        user: options.user.clone(),
        password: text(&options.password),
        tls: options.ssl.then(|| Tls {
            server_name: options.ssl_host.clone(),
            accept_any_certificate: options.certificates == Certificates::NotVerified,
            extra_authorities: options.ssl_ca_file.clone(),
        }),
        database: options.default_database,
        client_name: options.client_name.clone(),
        prefix: options.channel_prefix.clone().unwrap_or_default(),
        fleet: fleet.to_owned(),
        protocol: options.protocol,
        connect_timeout: milliseconds(options.connect_timeout_ms)
            .unwrap_or(DEFAULT_TIMEOUT.max(sync_timeout)),
        command_timeout: milliseconds(options.async_timeout_ms).unwrap_or(sync_timeout),
    }
}

fn deployment(options: &RedisOptions, sentinel_password: Option<String>) -> Deployment {
    let hosts = match options.addresses() {
        Addresses::Unix(path) => return Deployment::Unix(path),
        Addresses::Tcp(hosts) => hosts,
    };
    match &options.service_name {
        Some(service_name) => Deployment::Sentinels(Sentinels {
            hosts,
            service_name: service_name.clone(),
            user: options.sentinel_user.clone().or(options.user.clone()),
            password: sentinel_password,
        }),
        None if options.cluster => Deployment::Cluster(hosts),
        None => Deployment::Servers(hosts),
    }
}
