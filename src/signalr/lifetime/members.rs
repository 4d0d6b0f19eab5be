//! The connections of one hub on one worker: all of them, by group, by user.

use std::{rc::Rc, sync::Arc};

use ahash::RandomState;
use indexmap::IndexMap;
use std::collections::HashMap;
use tracing::warn;

use super::{Message, Target};
use crate::signalr::connection::{Connection, ConnectionId};

type Connections = IndexMap<ConnectionId, Rc<Connection>, RandomState>;

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

    /// A connection that ended: it leaves its groups too, which are returned.
    pub fn remove(&mut self, connection: &Connection) -> Vec<Arc<str>> {
        let id = connection.id().as_str();
        self.all.swap_remove(id);
        if self.all.is_empty() {
            self.all = Connections::default();
        }
        if let Some(user) = connection.user() {
            remove_member(&mut self.users, &user.id, id);
        }
        let groups = std::mem::take(&mut *connection.groups());
        for group in &groups {
            remove_member(&mut self.groups, group, id);
        }
        groups
    }

    /// Finds a connection.
    pub fn get(&self, id: &str) -> Option<&Rc<Connection>> {
        self.all.get(id)
    }

    /// Adds a connection to a group. False: it was there already. None: there is no such
    /// connection.
    pub fn join(&mut self, id: &str, group: &str) -> Option<bool> {
        let connection = self.all.get(id)?;
        let group = match self.groups.get_key_value(group) {
            Some((group, _)) => group.clone(),
            None => Arc::from(group),
        };
        let members = self.groups.entry(group.clone()).or_default();
        let is_new = members
            .insert(connection.id().clone(), connection.clone())
            .is_none();
        if is_new {
            connection.groups().push(group);
        }
        Some(is_new)
    }

    /// Takes a connection out of a group. False: it was not there. None: there is no such
    /// connection.
    pub fn leave(&mut self, id: &str, group: &str) -> Option<bool> {
        let connection = self.all.get(id)?;
        let mut groups = connection.groups();
        let place = groups.iter().position(|joined| &**joined == group);
        if let Some(place) = place {
            groups.swap_remove(place);
            remove_member(&mut self.groups, group, id);
        }
        Some(place.is_some())
    }

    /// The connections a target stands for.
    pub fn find(&self, target: &Target) -> Vec<Rc<Connection>> {
        let of_several = |sets, names: &[String]| {
            let found = names.iter().map(|name| members_of(sets, name));
            found.flatten().collect()
        };
        match target {
            Target::All => self.all.values().cloned().collect(),
            Target::Group(group) => members_of(&self.groups, group),
            Target::Groups(groups) => of_several(&self.groups, groups),
            Target::User(user) => members_of(&self.users, user),
            Target::Users(users) => of_several(&self.users, users),
            Target::Connections(ids) => {
                let found = ids.iter().filter_map(|id| self.all.get(id.as_str()));
                found.cloned().collect()
            }
        }
    }

    /// At most `count` connections, from the one at `start` on; the end of a connection puts the
    /// last one in its place.
    pub fn some(&self, start: usize, count: usize) -> impl Iterator<Item = &Rc<Connection>> {
        self.all.values().skip(start).take(count)
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
            Target::Group(group) => self.deliver_to_group(group, excluded, message),
            Target::Groups(groups) => {
                for group in groups.iter() {
                    self.deliver_to_group(group, excluded, message);
                }
            }
            Target::User(user) => {
                let connections = self.users.get(user).into_iter();
                push_all(connections.flat_map(IndexMap::values), excluded, message);
            }
            Target::Users(users) => {
                let connections = users
                    .iter()
                    .filter_map(|user| self.users.get(user.as_str()));
                push_all(connections.flat_map(IndexMap::values), excluded, message);
            }
            Target::Connections(ids) => {
                let connections = ids.iter().filter_map(|id| self.all.get(id.as_str()));
                push_all(connections, excluded, message);
            }
        }
    }

    fn deliver_to_group(&self, group: &str, excluded: &[ConnectionId], message: &Message) {
        let members = self.groups.get(group).into_iter();
        push_all(members.flat_map(IndexMap::values), excluded, message);
    }
}

fn members_of(
    sets: &HashMap<Arc<str>, Connections, RandomState>,
    name: &str,
) -> Vec<Rc<Connection>> {
    let set = sets.get(name).into_iter();
    set.flat_map(|members| members.values().cloned()).collect()
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
    let mut left_out = None;
    for connection in connections {
        if excluded.contains(connection.id()) {
            continue;
        }
        match message.frame(connection.protocol()) {
            Ok(frame) => connection.push_shared(frame.clone()),
            Err(error) => left_out = Some(error),
        }
    }
    if let Some(error) = left_out {
        warn!(%error, "a message cannot be encoded for the protocol of connections it is meant for");
    }
}
