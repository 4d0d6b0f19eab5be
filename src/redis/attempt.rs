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
};

/// What to try next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub protocol: u8,
    /// Of several servers, the one with this number; it goes round.
    pub server: usize,
}

/// Why an attempt failed. The texts hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    NoAnswer,
    /// The server does not know `HELLO 3`.
    OldProtocol(String),
    Refused(String),
}

impl Failure {
    pub fn reason(&self) -> &str {
        match self {
            Self::NoAnswer => "does not answer",
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
            _ => Self::Refused(text.to_owned()),
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
    let running = Running(client.connect());
    let greeting = async {
        client.wait_for_connect().await?;
        if let Some(name) = &options.client_name {
            // Only a name: a server that refuses it serves all the same.
            let _ = client.client_setname(name.as_str()).await;
        }
        require_primary(options, &client).await
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

/// Of several servers only the primary will do. One whose role cannot be asked is believed.
async fn require_primary(options: &Options, client: &Client) -> Result<(), Failure> {
    let Deployment::Servers(servers) = &options.deployment else {
        return Ok(());
    };
    if servers.len() < 2 {
        return Ok(());
    }
    let role = CustomCommand::new_static("ROLE", ClusterHash::FirstKey, false);
    let answer = client
        .custom_raw(role, Vec::<fred::types::Value>::new())
        .await?;
    let role = Value::from_frame(answer).ok();
    let role = role.as_ref().and_then(Value::as_list);
    match role.and_then(|role| role.first()).and_then(Value::as_text) {
        Some("slave") => Err(Failure::Refused("is a replica".to_owned())),
        _ => Ok(()),
    }
}
