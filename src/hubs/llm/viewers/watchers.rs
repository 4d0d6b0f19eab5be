//! Which connections of this instance have which conversation open.

use dashmap::DashMap;

use crate::chat::{ConversationId, UserId};

/// Bounded by what each connection may have open.
#[derive(Default)]
pub struct Watchers {
    by_conversation: DashMap<ConversationId, Watched, ahash::RandomState>,
}

struct Watched {
    user: UserId,
    connections: Vec<String>,
}

impl Watchers {
    pub fn add(&self, user: &UserId, conversation: &ConversationId, connection: &str) {
        let entry = self.by_conversation.entry(conversation.clone());
        let mut watched = entry.or_insert_with(|| Watched {
            user: user.clone(),
            connections: Vec::new(),
        });
        if !watched.connections.iter().any(|it| it == connection) {
            watched.connections.push(connection.to_owned());
        }
    }

    pub fn remove(&self, conversation: &ConversationId, connection: &str) {
        self.keep(conversation, |it| it != connection);
    }

    /// The connections, but those that are gone and those that are left out.
    pub fn of(
        &self,
        conversation: &ConversationId,
        is_gone: impl Fn(&str) -> bool,
        left_out: &[String],
    ) -> Vec<String> {
        let watched = self.by_conversation.get(conversation);
        let connections = watched.map_or_else(Vec::new, |watched| watched.connections.clone());
        let count = connections.len();
        let here: Vec<String> = connections.into_iter().filter(|it| !is_gone(it)).collect();
        if here.len() < count {
            self.keep(conversation, |it| !is_gone(it));
        }
        let wanted = here.into_iter().filter(|it| !left_out.contains(it));
        wanted.collect()
    }

    pub fn forget(&self, conversation: &ConversationId) {
        self.by_conversation.remove(conversation);
    }

    pub fn has(&self, conversation: &ConversationId) -> bool {
        self.by_conversation.contains_key(conversation)
    }

    pub fn all(&self) -> Vec<(UserId, ConversationId)> {
        let all = self.by_conversation.iter();
        all.map(|entry| (entry.user.clone(), entry.key().clone()))
            .collect()
    }

    fn keep(&self, conversation: &ConversationId, wanted: impl Fn(&str) -> bool) {
        self.by_conversation
            .remove_if_mut(conversation, |_, watched| {
                watched.connections.retain(|it| wanted(it));
                watched.connections.is_empty()
            });
    }
}
