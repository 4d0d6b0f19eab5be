//! What `Clients` selects: proxies that send, and those of one client that can ask it too.

use std::{rc::Rc, sync::Arc, time::Duration};

use super::{HubError, HubResult, Prepared, connection::HubConnection, invocation::CallState};
use crate::signalr::{
    connection::ConnectionId,
    lifetime::{ClientResult, HubLifetimeManager, SendError, Target},
    protocol::{Decode, EncodeArguments},
};

/// Several connections to send to.
#[must_use]
pub struct ClientProxy {
    pub(super) lifetime: Arc<HubLifetimeManager>,
    pub(super) target: Target,
    pub(super) excluded: Arc<[ConnectionId]>,
}

impl ClientProxy {
    /// Leaves these connections out.
    pub fn except<S: AsRef<str>>(mut self, excluded: &[S]) -> Self {
        self.excluded = connection_ids(excluded);
        self
    }

    /// Invokes the client method `target`. Succeeds when the message is on its way.
    pub async fn send(
        &self,
        target: &str,
        arguments: impl EncodeArguments,
    ) -> Result<(), SendError> {
        let message = self.lifetime.encode(target, &arguments)?;
        self.send_prepared(&Prepared(message)).await
    }

    /// Sends a message that was encoded before.
    pub async fn send_prepared(&self, message: &Prepared) -> Result<(), SendError> {
        let (target, excluded) = (self.target.clone(), self.excluded.clone());
        self.lifetime
            .send(target, excluded, message.0.clone())
            .await
    }
}

/// One connection to send to, or to ask.
#[must_use]
pub struct SingleClientProxy {
    pub(super) lifetime: Arc<HubLifetimeManager>,
    pub(super) id: ConnectionId,
}

impl SingleClientProxy {
    /// Invokes the client method `target`, as soon as the connection has room.
    pub async fn send(
        &self,
        target: &str,
        arguments: impl EncodeArguments,
    ) -> Result<(), SendError> {
        self.lifetime
            .send_connection(&self.id, target, &arguments)
            .await
    }

    /// Invokes the client method `target` and waits for the client's result.
    ///
    /// Fails with the client's error, or when the connection ends or does not exist.
    pub async fn invoke<T: Decode>(
        &self,
        target: &str,
        arguments: impl EncodeArguments,
    ) -> HubResult<T> {
        let answer = self.lifetime.ask(&self.id, target, &arguments).await?;
        self.read(answer)
    }

    /// As [`invoke`](Self::invoke), given up after `limit`.
    pub async fn invoke_within<T: Decode>(
        &self,
        limit: Duration,
        target: &str,
        arguments: impl EncodeArguments,
    ) -> HubResult<T> {
        match tokio::time::timeout(limit, self.invoke(target, arguments)).await {
            Ok(result) => result,
            Err(_) => Err(HubError::new("Invocation canceled by the server.")),
        }
    }

    fn read<T: Decode>(&self, answer: Option<ClientResult>) -> HubResult<T> {
        let gone =
            |what| HubError::internal("IOException", format!("Connection '{}' {what}", self.id));
        match answer {
            None => Err(gone("does not exist.")),
            Some(ClientResult::Disconnected) => Err(gone("disconnected.")),
            Some(ClientResult::Error(error)) => Err(HubError::new(error)),
            Some(ClientResult::Nothing) => Err(HubError::new(
                "Exception of type 'Microsoft.AspNetCore.SignalR.HubException' was thrown.",
            )),
            Some(ClientResult::Result(value)) => T::decode(value.as_raw()).map_err(|error| {
                HubError::new(format!(
                    "Error trying to deserialize result to {}. {error}",
                    type_name::<T>()
                ))
            }),
        }
    }
}

/// What .NET calls a type, where there is a common name; error texts quote it.
fn type_name<T>() -> &'static str {
    match std::any::type_name::<T>() {
        "i32" => "Int32",
        "i64" => "Int64",
        "f64" => "Double",
        "bool" => "Boolean",
        "alloc::string::String" | "core::option::Option<alloc::string::String>" => "String",
        other => other.rsplit("::").next().unwrap_or(other),
    }
}

/// One connection to send to, or to ask, seen from a hub method.
#[must_use]
pub struct CallerProxy {
    pub(super) proxy: SingleClientProxy,
    pub(super) asker: Rc<HubConnection>,
    pub(super) call: Option<Rc<CallState>>,
}

impl CallerProxy {
    /// Invokes the client method `target`, as soon as the connection has room.
    pub async fn send(
        &self,
        target: &str,
        arguments: impl EncodeArguments,
    ) -> Result<(), SendError> {
        self.proxy.send(target, arguments).await
    }

    /// Invokes the client method `target` and waits for the client's result.
    ///
    /// The calling method gives its slot back, so that the answer can be read. Fails with the
    /// client's error, when the connection ends or does not exist, and inside `on_connected`.
    pub async fn invoke<T: Decode>(
        &self,
        target: &str,
        arguments: impl EncodeArguments,
    ) -> HubResult<T> {
        self.may_ask()?;
        self.proxy.invoke(target, arguments).await
    }

    /// As [`invoke`](Self::invoke), given up after `limit`.
    pub async fn invoke_within<T: Decode>(
        &self,
        limit: Duration,
        target: &str,
        arguments: impl EncodeArguments,
    ) -> HubResult<T> {
        self.may_ask()?;
        self.proxy.invoke_within(limit, target, arguments).await
    }

    fn may_ask(&self) -> HubResult<()> {
        if self.asker.is_connecting() {
            return Err(HubError::internal(
                "InvalidOperationException",
                "Client results inside OnConnectedAsync Hub methods are not allowed.",
            ));
        }
        if let Some(call) = &self.call {
            call.release_slot();
        }
        Ok(())
    }
}

pub(super) fn connection_ids<S: AsRef<str>>(ids: &[S]) -> Arc<[ConnectionId]> {
    ids.iter()
        .map(|id| ConnectionId::from(id.as_ref()))
        .collect()
}
