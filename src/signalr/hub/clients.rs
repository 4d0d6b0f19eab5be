//! Whom to send to: SignalR's `Clients` and `Groups`.

use std::{rc::Rc, sync::Arc, time::Duration};

use super::{HubError, HubResult, Prepared, connection::HubConnection, invocation::CallState};
use crate::signalr::{
    connection::ConnectionId,
    lifetime::{ClientResult, GroupError, HubLifetimeManager, SendError, Target},
    protocol::{Decode, EncodeArguments},
};

/// The clients of a hub, seen from outside.
#[derive(Clone)]
pub struct Clients {
    lifetime: Arc<HubLifetimeManager>,
}

impl Clients {
    pub(super) fn new(lifetime: Arc<HubLifetimeManager>) -> Self {
        Self { lifetime }
    }

    /// Every connection.
    pub fn all(&self) -> ClientProxy {
        self.proxy(Target::All)
    }

    /// Every connection but these.
    pub fn all_except<S: AsRef<str>>(&self, excluded: &[S]) -> ClientProxy {
        self.all().except(excluded)
    }

    /// The members of a group.
    pub fn group(&self, group: &str) -> ClientProxy {
        self.proxy(Target::Group(group.into()))
    }

    /// The members of a group but these.
    pub fn group_except<S: AsRef<str>>(&self, group: &str, excluded: &[S]) -> ClientProxy {
        self.group(group).except(excluded)
    }

    /// The members of several groups; who is in two of them gets the message twice.
    pub fn groups<S: AsRef<str>>(&self, groups: &[S]) -> ClientProxy {
        self.proxy(Target::Groups(names(groups)))
    }

    /// The connections of a user.
    pub fn user(&self, user: &str) -> ClientProxy {
        self.proxy(Target::User(user.into()))
    }

    /// The connections of several users.
    pub fn users<S: AsRef<str>>(&self, users: &[S]) -> ClientProxy {
        self.proxy(Target::Users(names(users)))
    }

    /// One connection.
    pub fn connection(&self, id: &str) -> SingleClientProxy {
        SingleClientProxy {
            lifetime: self.lifetime.clone(),
            id: id.into(),
        }
    }

    /// Several connections.
    pub fn connections<S: AsRef<str>>(&self, ids: &[S]) -> ClientProxy {
        self.proxy(Target::Connections(connection_ids(ids)))
    }

    fn proxy(&self, target: Target) -> ClientProxy {
        ClientProxy {
            lifetime: self.lifetime.clone(),
            target,
            excluded: Arc::from([]),
        }
    }
}

fn names<S: AsRef<str>>(names: &[S]) -> Arc<[String]> {
    names.iter().map(|name| name.as_ref().to_owned()).collect()
}

fn connection_ids<S: AsRef<str>>(ids: &[S]) -> Arc<[ConnectionId]> {
    ids.iter()
        .map(|id| ConnectionId::from(id.as_ref()))
        .collect()
}

/// The clients of a hub, seen from one of its methods.
pub struct CallerClients {
    clients: Clients,
    caller: Rc<HubConnection>,
    call: Option<Rc<CallState>>,
}

impl std::ops::Deref for CallerClients {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.clients
    }
}

impl CallerClients {
    pub(super) fn new(caller: Rc<HubConnection>, call: Option<Rc<CallState>>) -> Self {
        Self {
            clients: Clients::new(caller.endpoint().lifetime().clone()),
            caller,
            call,
        }
    }

    /// The caller.
    pub fn caller(&self) -> CallerProxy {
        self.connection(self.caller.connection().id().as_str())
    }

    /// One connection.
    pub fn connection(&self, id: &str) -> CallerProxy {
        let proxy = self.clients.connection(id);
        CallerProxy {
            proxy,
            asker: self.caller.clone(),
            call: self.call.clone(),
        }
    }

    /// Every connection but the caller.
    pub fn others(&self) -> ClientProxy {
        self.clients.all_except(&[self.caller.connection().id()])
    }

    /// The members of a group but the caller.
    pub fn others_in_group(&self, group: &str) -> ClientProxy {
        self.clients
            .group_except(group, &[self.caller.connection().id()])
    }
}

/// Several connections to send to.
#[must_use]
pub struct ClientProxy {
    lifetime: Arc<HubLifetimeManager>,
    target: Target,
    excluded: Arc<[ConnectionId]>,
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
    lifetime: Arc<HubLifetimeManager>,
    id: ConnectionId,
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
    proxy: SingleClientProxy,
    asker: Rc<HubConnection>,
    call: Option<Rc<CallState>>,
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

/// Who is in which group.
#[derive(Clone)]
pub struct Groups {
    lifetime: Arc<HubLifetimeManager>,
}

impl Groups {
    pub(super) fn new(lifetime: Arc<HubLifetimeManager>) -> Self {
        Self { lifetime }
    }

    /// Adds a connection to a group. Ends when messages to the group reach it.
    ///
    /// Fails when no instance has the connection, or its instance does not answer.
    pub async fn add(&self, connection_id: &str, group: &str) -> Result<(), GroupError> {
        self.lifetime
            .add_to_group(&connection_id.into(), group)
            .await
    }

    /// Takes a connection out of a group; it need not be in it. Fails as [`add`](Self::add).
    pub async fn remove(&self, connection_id: &str, group: &str) -> Result<(), GroupError> {
        self.lifetime
            .remove_from_group(&connection_id.into(), group)
            .await
    }
}
