//! How to reach Redis, in plain values. Whoever reads settings fills them in.

use std::{fmt, path::PathBuf, time::Duration};

/// Where Redis is and how to speak to it.
#[derive(Clone)]
pub struct Options {
    pub deployment: Deployment,
    pub user: Option<String>,
    pub password: Option<String>,
    pub tls: Option<Tls>,
    pub database: Option<u8>,
    /// Shown by `CLIENT LIST`.
    pub client_name: Option<String>,
    /// Put before every channel and every key, without a separator.
    pub prefix: String,
    /// Instances with the same name and prefix are one fleet.
    pub fleet: String,
    /// 2 or 3; `None` tries 3 and falls back to 2.
    pub protocol: Option<u8>,
    /// Connecting and greeting, each attempt.
    pub connect_timeout: Duration,
    /// One command.
    pub command_timeout: Duration,
}

/// What the endpoints are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployment {
    /// A primary, perhaps with replicas; the first that answers as primary is used.
    Servers(Vec<(String, u16)>),
    Unix(PathBuf),
    Cluster(Vec<(String, u16)>),
    Sentinels(Sentinels),
}

/// Sentinels that know the primary. Their credentials are their own.
#[derive(Clone, PartialEq, Eq)]
pub struct Sentinels {
    pub hosts: Vec<(String, u16)>,
    pub service_name: String,
    pub user: Option<String>,
    pub password: Option<String>,
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sentinels")
            .field("hosts", &self.hosts)
            .field("service_name", &self.service_name)
            .finish_non_exhaustive()
    }
}

/// How the server's certificate is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The name to ask for and to verify; `None`: the endpoint's host.
    pub server_name: Option<String>,
    /// Accept whatever certificate comes. The connection is encrypted, but to anybody.
    pub accept_any_certificate: bool,
    /// A PEM file with more authorities to trust.
    pub extra_authorities: Option<PathBuf>,
}

impl Options {
    /// A key of the fleet. All of them are in one slot of a cluster.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}managing-api:{{{}}}:{name}", self.prefix, self.fleet)
    }

    /// Everything default, one server.
    pub fn server(host: &str, port: u16) -> Self {
        Self {
            deployment: Deployment::Servers(vec![(host.to_owned(), port)]),
            user: None,
            password: None,
            tls: None,
            database: None,
            client_name: None,
            prefix: String::new(),
            fleet: "default".to_owned(),
            protocol: None,
            connect_timeout: Duration::from_secs(5),
            command_timeout: Duration::from_secs(5),
        }
    }
}

/// Without user and passwords.
impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("deployment", &self.deployment)
            .field("tls", &self.tls)
            .field("database", &self.database)
            .field("prefix", &self.prefix)
            .field("fleet", &self.fleet)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}
