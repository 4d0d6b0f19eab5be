//! Which Redis, if any: the settings that name one, and what a connection string says.

mod azure;
mod command_map;
mod connection_string;
mod url;

use std::{fmt, path::PathBuf};

use super::{Secret, Section, Sources, secret::MASK};

/// What the settings say about Redis.
#[derive(Clone, Debug)]
pub enum RedisSettings {
    /// Nothing names one, or an empty variable switched it off.
    Off { reason: String },
    /// One is named and its text is understood.
    Configured {
        options: Box<RedisOptions>,
        source: String,
    },
    /// One is named, but not so that it can be used. The text itself may hold a secret.
    Unusable { problem: String, source: String },
}

impl RedisSettings {
    /// `ConnectionStrings:Redis` first, then `REDIS_URL`. Either variable, set but empty,
    /// switches Redis off even if a file names one; a non-empty `ConnectionStrings__Redis` wins.
    pub(super) fn read(root: &Section, sources: &Sources) -> Self {
        let section = root.section("ConnectionStrings");
        let setting = section.set_text("Redis");
        let source = section.source("Redis").unwrap_or_default();
        let from_variable = source.starts_with("environment");
        let url = sources.variable("REDIS_URL").map(str::trim);
        match setting.as_deref().map(str::trim) {
            Some(text) if !text.is_empty() && (from_variable || url != Some("")) => {
                Self::parse(text, source)
            }
            Some("") if from_variable => Self::off("ConnectionStrings__Redis is empty"),
            _ => match url {
                Some("") => Self::off("REDIS_URL is empty"),
                Some(text) => Self::parse(text, "environment variable REDIS_URL".to_owned()),
                None => Self::off("no ConnectionStrings:Redis and no REDIS_URL"),
            },
        }
    }

    fn off(reason: &str) -> Self {
        Self::Off {
            reason: reason.to_owned(),
        }
    }

    fn parse(text: &str, source: String) -> Self {
        match RedisOptions::parse(text) {
            Ok(options) => Self::Configured {
                options: Box::new(options),
                source,
            },
            Err(problem) => Self::Unusable { problem, source },
        }
    }
}

/// How to reach a Redis, whichever of the two forms said so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RedisOptions {
    pub endpoints: Vec<Endpoint>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub sentinel_user: Option<String>,
    pub sentinel_password: Option<Secret>,
    /// The Sentinel's name of the primary; set means the endpoints are Sentinels.
    pub service_name: Option<String>,
    pub cluster: bool,
    pub ssl: bool,
    /// Whether the text says so itself.
    ssl_is_set: bool,
    pub ssl_host: Option<String>,
    pub certificates: Certificates,
    /// A PEM file with more authorities to trust.
    pub ssl_ca_file: Option<PathBuf>,
    pub abort_connect: Option<bool>,
    pub connect_timeout_ms: Option<u32>,
    pub sync_timeout_ms: Option<u32>,
    pub async_timeout_ms: Option<u32>,
    pub connect_retry: Option<u32>,
    pub keep_alive_seconds: Option<u32>,
    pub default_database: Option<u8>,
    pub client_name: Option<String>,
    pub channel_prefix: Option<String>,
    pub protocol: Option<u8>,
    /// What was understood but is not followed, each as a sentence that names the key.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Tcp { host: String, port: Option<u16> },
    Unix(String),
}

/// What is done about the server's certificate. Ours, not StackExchange.Redis's: `sslVerify`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificates {
    #[default]
    Verified,
    /// For platforms with a chain of their own: encrypted, but to whoever answers.
    NotVerified,
}

/// The endpoints, with their ports filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    Tcp(Vec<(String, u16)>),
    Unix(PathBuf),
}

impl RedisOptions {
    /// A StackExchange.Redis connection string or a URL. The error never repeats the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut options = match text.split_once("://") {
            Some((scheme, rest)) if url::is_scheme(scheme) => url::parse(scheme, rest)?,
            _ => connection_string::parse(text)?,
        };
        azure::apply(&mut options);
        options.check()?;
        Ok(options)
    }

    fn check(&mut self) -> Result<(), String> {
        let is_unix = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Unix(_));
        if self.endpoints.is_empty() {
            return Err("names no endpoint".to_owned());
        }
        if self.endpoints.len() > 1 && self.endpoints.iter().any(is_unix) {
            return Err("a Unix socket cannot be one of several endpoints".to_owned());
        }
        let wants_certificates =
            self.certificates == Certificates::NotVerified || self.ssl_ca_file.is_some();
        if wants_certificates && !self.ssl {
            let warning = "sslVerify or sslCaFile: without ssl=true there is no certificate";
            self.warnings.push(warning.to_owned());
        }
        Ok(())
    }

    /// Where to connect.
    pub fn addresses(&self) -> Addresses {
        let mut hosts = Vec::with_capacity(self.endpoints.len());
        for endpoint in &self.endpoints {
            match endpoint {
                Endpoint::Unix(path) => return Addresses::Unix(path.into()),
                Endpoint::Tcp { host, port } => {
                    hosts.push((host.clone(), port.unwrap_or_else(|| self.default_port())));
                }
            }
        }
        Addresses::Tcp(hosts)
    }

    /// The port of an endpoint that names none: 26379 for Sentinels, 6380 with TLS, else 6379.
    pub fn default_port(&self) -> u16 {
        match (self.service_name.is_some(), self.ssl) {
            (true, _) => 26379,
            (false, true) => 6380,
            (false, false) => 6379,
        }
    }

    fn write_endpoint(&self, endpoint: &Endpoint) -> String {
        match endpoint {
            Endpoint::Unix(path) => format!("!{path}"),
            Endpoint::Tcp { host, port } => {
                let port = port.unwrap_or_else(|| self.default_port());
                if host.contains(':') {
                    format!("[{host}]:{port}")
                } else {
                    format!("{host}:{port}")
                }
            }
        }
    }
}

/// The masked form for people, in the order StackExchange.Redis prints it.
impl fmt::Display for RedisOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self
            .endpoints
            .iter()
            .map(|endpoint| self.write_endpoint(endpoint))
            .collect();
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                parts.push(format!("{key}={value}"));
            }
        };
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let flag = |value: bool| {
            if value {
                "True".to_owned()
            } else {
                "False".to_owned()
            }
        };
        let masked = |secret: &Option<Secret>| secret.as_ref().map(|_| MASK.to_owned());
        add("name", self.client_name.clone());
        add("serviceName", self.service_name.clone());
        add("keepAlive", number(self.keep_alive_seconds));
        add("syncTimeout", number(self.sync_timeout_ms));
        add("asyncTimeout", number(self.async_timeout_ms));
        add("connectTimeout", number(self.connect_timeout_ms));
        add("user", self.user.clone());
        add("sentinelUser", self.sentinel_user.clone());
        add("password", masked(&self.password));
        add("sentinelPassword", masked(&self.sentinel_password));
        add("ssl", self.ssl.then(|| flag(true)));
        add("sslHost", self.ssl_host.clone());
        let unverified = self.certificates == Certificates::NotVerified;
        add("sslVerify", unverified.then(|| flag(false)));
        let file = self.ssl_ca_file.as_ref();
        add("sslCaFile", file.map(|path| path.display().to_string()));
        add("abortConnect", self.abort_connect.map(flag));
        add("channelPrefix", self.channel_prefix.clone());
        add("connectRetry", number(self.connect_retry));
        add(
            "defaultDatabase",
            self.default_database.map(|number| number.to_string()),
        );
        add(
            "protocol",
            self.protocol.map(|number| format!("resp{number}")),
        );
        formatter.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests;
