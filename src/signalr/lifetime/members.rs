//! The connections of one hub on one worker: all of them, by group, by user.

use std::{rc::Rc, sync::Arc};

use ahash::RandomState;
use indexmap::IndexMap;
use std::collections::HashMap;
use tracing::warn;

use super::Message;
use crate::signalr::connection::{Connection, ConnectionId};

type Connections = IndexMap<ConnectionId, Rc<Connection>, RandomState>;

/// Who gets a message.
#[derive(Clone, Debug)]
pub enum Target {
    /// Every connection of the hub.
    All,
    /// The members of a group.
    Group(Arc<str>),
    /// The connections of a user.
    User(Arc<str>),
    /// The connections of several users, each connection once.
    Users(Arc<[String]>),
    /// These connections, each once.
    Connections(Arc<[ConnectionId]>),
}

/// The members of one hub on one worker.
#[derive(Default)]
pub struct Members {
    all: Connections,
    groups: HashMap<Arc<str>, Connections, RandomState>,
    users: HashMap<Arc<str>, Connections, RandomState>,
}

impl Members {
    /// A connection whose handshake was accepted.
    pub fn insert(&mut self, connection: &Rc<Connection>) {
        let id = connection.id().clone();
        if let Some(user) = connection.user() {
            self.users
                .entry(Arc::from(user.id.as_str()))
                .or_default()
                .insert(id.clone(), connection.clone());
        }
        self.all.insert(id, connection.clone());
    }

    /// A connection that ended: it leaves its groups too.
    pub fn remove(&mut self, connection: &Connection) {
        let id = connection.id().as_str();
        self.all.swap_remove(id);
        if self.all.is_empty() {
            self.all = Connections::default();
        }
        if let Some(user) = connection.user() {
            remove_member(&mut self.users, &user.id, id);
        }
        for group in connection.groups().drain(..) {
            remove_member(&mut self.groups, &group, id);
        }
    }

    /// Finds a connection.
    pub fn get(&self, id: &str) -> Option<&Rc<Connection>> {
        self.all.get(id)
    }

    /// Adds a connection to a group; a second time changes nothing.
    pub fn join(&mut self, id: &str, group: &str) -> bool {
        let Some(connection) = self.all.get(id) else {
            return false;
        };
        let group = match self.groups.get_key_value(group) {
            Some((group, _)) => group.clone(),
            None => Arc::from(group),
        };
        let members = self.groups.entry(group.clone()).or_default();
        if members
            .insert(connection.id().clone(), connection.clone())
            .is_none()
        {
            connection.groups().push(group);
        }
        true
    }

    /// Takes a connection out of a group it may not be in.
    pub fn leave(&mut self, id: &str, group: &str) -> bool {
        let Some(connection) = self.all.get(id) else {
            return false;
        };
        connection.groups().retain(|joined| &**joined != group);
        remove_member(&mut self.groups, group, id);
        true
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Hands a message to everybody it is meant for.
    pub fn deliver(&self, target: &Target, excluded: &[ConnectionId], message: &Message) {
        match target {
            Target::All => push_all(self.all.values(), excluded, message),
            Target::Group(group) => {
                let members = self.groups.get(group);
                push_all(
                    members.into_iter().flat_map(IndexMap::values),
                    excluded,
                    message,
                );
            }
            Target::User(user) => {
                let connections = self.users.get(user);
                push_all(
                    connections.into_iter().flat_map(IndexMap::values),
                    excluded,
                    message,
                );
            }
            Target::Users(users) => {
                let users = users
                    .iter()
                    .enumerate()
                    .filter(|(at, user)| !users[..*at].contains(user));
                let connections = users.filter_map(|(_, user)| self.users.get(user.as_str()));
                push_all(connections.flat_map(IndexMap::values), excluded, message);
            }
            Target::Connections(ids) => self.deliver_to(ids, excluded, message),
        }
    }

    fn deliver_to(&self, ids: &[ConnectionId], excluded: &[ConnectionId], message: &Message) {
        if ids.len() < 16 {
            let once = ids
                .iter()
                .enumerate()
                .filter(|(at, id)| !ids[..*at].contains(id));
            push_all(
                once.filter_map(|(_, id)| self.all.get(id.as_str())),
                excluded,
                message,
            );
        } else {
            let once: indexmap::IndexSet<_, RandomState> = ids.iter().collect();
            push_all(
                once.iter().filter_map(|id| self.all.get(id.as_str())),
                excluded,
                message,
            );
        }
    }
}

fn remove_member(sets: &mut HashMap<Arc<str>, Connections, RandomState>, name: &str, id: &str) {
    if let Some(members) = sets.get_mut(name) {
        members.swap_remove(id);
        if members.is_empty() {
            sets.remove(name);
        }
    }
}

fn push_all<'a>(
    connections: impl Iterator<Item = &'a Rc<Connection>>,
    excluded: &[ConnectionId],
    message: &Message,
) {
    for connection in connections {
        if excluded.contains(connection.id()) {
            continue;
        }
        match message.frame(connection.protocol()) {
            Ok(frame) => connection.push_shared(frame.clone()),
            Err(error) => warn!(%error, "a message cannot be encoded for a connection's protocol"),
        }
    }
}
