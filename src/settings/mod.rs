//! The program's settings: read once at start, typed, checked, and safe to print.
//!
//! Layers, later ones win: `config/appsettings.json`, `config/appsettings.{Environment}.json`,
//! a file named on the command line, environment variables with `__` between levels. Keys are
//! compared without regard to case. `config/appsettings.schema.json` describes every key.

mod authentication;
mod azure;
mod error;
mod json;
mod layers;
mod limits;
mod llm;
mod logging;
mod network;
mod otlp;
mod reader;
pub mod redis;
mod secret;
mod section;
mod signalr;
mod sources;
mod text;

use std::{path::PathBuf, time::Duration};

pub use self::{
    authentication::{ApiKeySettings, AuthenticationMode, AuthenticationSettings, JwtSettings},
    error::{Fault, SettingsError},
    limits::LimitSettings,
    llm::{LlmProviderSettings, LlmSettings},
    logging::{LogFormat, LoggingSettings},
    network::{Network, Origins, port},
    otlp::OtlpSettings,
    redis::{RedisOptions, RedisSettings},
    secret::{MASK, Secret},
    signalr::{BackplaneSettings, HubSettings, SignalRSettings, TransportName},
    sources::{Environment, Sources},
    text::duration as parse_duration,
};
use self::{reader::Layers, section::Section};

/// Everything an operator can set.
#[derive(Clone, Debug)]
pub struct Settings {
    pub environment: Environment,
    pub server: ServerSettings,
    pub redis: RedisSettings,
    pub signalr: SignalRSettings,
    pub authentication: AuthenticationSettings,
    pub cors_origins: Origins,
    pub known_proxies: Vec<Network>,
    pub llm: LlmSettings,
    /// Access keys of the server-side sends.
    pub access_keys: Vec<Secret>,
    pub limits: LimitSettings,
    /// The embedded database; `None` keeps everything in memory.
    pub storage_path: Option<PathBuf>,
    /// About the most memory, in bytes, for the history of all bots, and of all backtests.
    pub trading_history: usize,
    /// Instances with the same name and the same Redis are one server.
    pub fleet_name: String,
    /// The role `/metrics` asks for, if any.
    pub metrics_role: Option<String>,
    pub logging: LoggingSettings,
    /// Where metrics are sent to, if anywhere; else why they cannot be.
    pub otlp: Result<Option<OtlpSettings>, String>,
    /// What does not stop the server but is probably a mistake.
    pub warnings: Vec<String>,
}

/// The HTTP server around everything.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    pub port: u16,
    /// Threads that serve connections. Default: one per core but one, as the SignalR server's own.
    pub workers: usize,
    /// Connections this instance accepts in all.
    pub max_connections: usize,
    /// Somebody asked for so many; else it is the default, and fewer will do.
    pub max_connections_is_set: bool,
    /// How long a stop may take.
    pub shutdown_grace: Duration,
}

impl Settings {
    /// Reads and checks all settings. The error lists everything that is wrong, not only the
    /// first.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let environment = sources.environment()?;
        let layers = Layers::new(layers::merge(sources, environment.as_str())?);
        let mut settings = Self::read(&layers.root(), sources, environment);
        settings.warnings = settings.collect_warnings(&layers, sources);
        layers.finish()?;
        Ok(settings)
    }

    fn read(root: &Section, sources: &Sources, environment: Environment) -> Self {
        let azure = root.section("Azure").section("SignalR");
        Self {
            server: ServerSettings::read(root, sources),
            redis: RedisSettings::read(root, sources),
            signalr: SignalRSettings::read(root),
            authentication: AuthenticationSettings::read(root, &environment),
            cors_origins: Origins::read(root, &environment),
            known_proxies: network::known_proxies(root),
            llm: LlmSettings::read(root),
            access_keys: azure
                .parse("ConnectionString", azure::access_keys)
                .unwrap_or_default(),
            limits: LimitSettings::read(root),
            storage_path: storage_path(root),
            trading_history: trading_history(root),
            fleet_name: fleet_name(root, &environment),
            metrics_role: root.section("Metrics").text("RequireRole"),
            logging: LoggingSettings::read(root, &environment),
            otlp: OtlpSettings::read(sources),
            warnings: Vec::new(),
            environment,
        }
    }

    fn collect_warnings(&self, layers: &Layers, sources: &Sources) -> Vec<String> {
        let mut warnings = Vec::new();
        for key in layers.unknown_keys() {
            warnings.push(format!("the setting {key} is not known and ignored"));
        }
        if let RedisSettings::Configured { options, source } = &self.redis {
            for warning in &options.warnings {
                warnings.push(format!("the Redis option {warning} ({source})"));
            }
            let url = sources
                .variable("REDIS_URL")
                .is_some_and(|url| !url.trim().is_empty());
            if url && !source.ends_with("REDIS_URL") {
                warnings.push(format!(
                    "REDIS_URL is ignored: ConnectionStrings:Redis is set ({source}) and comes first"
                ));
            }
        }
        if let Err(problem) = &self.otlp {
            warnings.push(format!("no metrics are sent by OTLP: {problem}"));
        }
        let production = !self.environment.is_development();
        if production && self.authentication.mode == AuthenticationMode::None {
            warnings.push(format!(
                "Authentication:Mode is None in {}: everyone has all roles",
                self.environment
            ));
        }
        warnings
    }
}

impl ServerSettings {
    fn read(root: &Section, sources: &Sources) -> Self {
        let section = root.section("Server");
        let port = network::port(sources).unwrap_or_else(|problem| {
            root.fault("port to listen on", &problem);
            0
        });
        let max_connections = section.number("MaxConnections", 1..=10_000_000);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            port,
            workers: section
                .number("Workers", 1..=1024)
                .unwrap_or(cores.saturating_sub(1).max(1)),
            max_connections: max_connections.unwrap_or(50_000),
            max_connections_is_set: max_connections.is_some(),
            shutdown_grace: root
                .section("Shutdown")
                .duration("GracePeriod")
                .unwrap_or(Duration::from_secs(10)),
        }
    }
}

/// Set to nothing means "in memory only", which is not the same as not set.
fn storage_path(root: &Section) -> Option<PathBuf> {
    match root.section("Storage").set_text("Path") {
        None => Some(PathBuf::from("data/managing-api.db")),
        Some(path) if path.trim().is_empty() => None,
        Some(path) => Some(PathBuf::from(path)),
    }
}

fn trading_history(root: &Section) -> usize {
    let section = root.section("Trading");
    let megabytes = section.number("HistoryMegabytes", 1..=1_000_000);
    megabytes.unwrap_or(96) * 1024 * 1024
}

/// The name becomes part of Redis keys, between braces.
fn fleet_name(root: &Section, environment: &Environment) -> String {
    let section = root.section("Fleet");
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    section
        .parse("Name", |name| {
            let valid = name.len() <= 128 && name.chars().all(plain);
            valid
                .then(|| name.to_owned())
                .ok_or_else(|| "expected letters, digits, dots, dashes and underscores".to_owned())
        })
        .unwrap_or_else(|| environment.as_str().to_owned())
}

#[cfg(test)]
mod tests;
