//! One attempt to connect: open, greet, give a name, see that it is a primary.

use std::time::Duration;

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientInterface, ClientLike as _},
    types::{ClusterHash, ConnectHandle, CustomCommand},
};
use tokio::time::timeout;

use super::{
    Deployment, Options, Value,
    client::{self, Purpose},
    cluster,
    reason::reason,
};

/// What to try next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub protocol: u8,
    /// Of several servers, the one with this number; it goes round.
    pub server: usize,
    /// The servers have turned out to be a cluster.
    pub cluster: bool,
}

/// Why an attempt failed. The texts hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    NoAnswer,
    /// The server does not know `HELLO 3`.
    OldProtocol(String),
    /// A node of a cluster, which nobody had said it is.
    Cluster,
    Refused(String),
}

impl Failure {
    pub fn reason(&self) -> &str {
        match self {
            Self::NoAnswer => "does not answer",
            Self::Cluster => "is a cluster",
            Self::OldProtocol(text) | Self::Refused(text) => text,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.details();
        let old = text.contains("unknown command") || text.starts_with("NOPROTO");
        match error.kind() {
            ErrorKind::Timeout => Self::NoAnswer,
            _ if old => Self::OldProtocol(text.to_owned()),
            _ => Self::Refused(reason(&error)),
        }
    }
}

/// fred's task for a connection; it ends with its owner.
pub(super) struct Running(pub ConnectHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connects once.
pub(super) async fn connect(
    options: &Options,
    purpose: Purpose,
    target: Target,
) -> Result<(Client, Running), Failure> {
    let client = client::build(options, purpose, target).map_err(Failure::Refused)?;
    let opened = open(options, client, target).await?;
    if purpose != Purpose::Subscriptions || !opened.0.is_clustered() {
        return Ok(opened);
    }
    match cluster::subscriber(options, &opened.0, target).map_err(Failure::Refused)? {
        Some(client) => open(options, client, target).await,
        None => Ok(opened),
    }
}

async fn open(
    options: &Options,
    client: Client,
    target: Target,
) -> Result<(Client, Running), Failure> {
    let running = Running(client.connect());
    let greeting = async {
        client.wait_for_connect().await?;
        if let Some(name) = &options.client_name {
            // Only a name: a server that refuses it serves all the same.
            let _ = client.client_setname(name.as_str()).await;
        }
        match &options.deployment {
            Deployment::Servers(servers) if !target.cluster => {
                require_no_cluster(&client).await?;
                require_primary(servers.len(), &client).await
            }
            _ => Ok(()),
        }
    };
    match timeout(limit(options), greeting).await {
        Ok(Ok(())) => Ok((client, running)),
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::NoAnswer),
    }
}

/// fred applies [`Options::connect_timeout`] to opening and to greeting, each.
fn limit(options: &Options) -> Duration {
    options.connect_timeout * 3
}

/// A cluster is spoken to differently. A server that does not say is believed to be none.
async fn require_no_cluster(client: &Client) -> Result<(), Failure> {
    let answer = ask(client, "INFO", &["cluster"]).await?;
    let enabled = answer.as_ref().and_then(Value::as_text);
    match enabled.is_some_and(|text| text.contains("cluster_enabled:1")) {
        true => Err(Failure::Cluster),
        false => Ok(()),
    }
}

/// Of several servers only the primary will do. One whose role cannot be asked is believed.
async fn require_primary(servers: usize, client: &Client) -> Result<(), Failure> {
    if servers < 2 {
        return Ok(());
    }
    let answer = ask(client, "ROLE", &[]).await?;
    let role = answer.as_ref().and_then(Value::as_list);
    match role.and_then(|role| role.first()).and_then(Value::as_text) {
        Some("slave") => Err(Failure::Refused("is a replica".to_owned())),
        _ => Ok(()),
    }
}

/// `None` if the answer is an error, for instance because of missing rights.
async fn ask(
    client: &Client,
    name: &'static str,
    arguments: &[&'static str],
) -> Result<Option<Value>, Error> {
    let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
    let answer = client.custom_raw(command, arguments.to_vec()).await?;
    Ok(Value::from_frame(answer).ok())
}
