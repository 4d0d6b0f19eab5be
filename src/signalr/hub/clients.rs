//! Whom to send to: SignalR's `Clients`.

use std::{rc::Rc, sync::Arc};

use super::{
    CallerProxy, ClientProxy, SingleClientProxy, connection::HubConnection, invocation::CallState,
    proxies::connection_ids,
};
use crate::signalr::lifetime::{HubLifetimeManager, Target};

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
