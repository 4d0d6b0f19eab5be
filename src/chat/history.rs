//! What of a conversation a model is told.

use std::sync::Arc;

use super::Role;

/// How much of a conversation is told to a model, at most.
pub const HISTORY_BYTES: usize = 1024 * 1024;

/// Collects what a model is told, the newest message first, until there is no more room. Answers
/// that never said anything are left out.
#[derive(Default)]
pub struct History {
    newest_first: Vec<(Role, Arc<str>)>,
    bytes: usize,
}

impl History {
    /// Takes the next older message. False: there is no room for it, nor for what is older.
    pub fn push(&mut self, role: Role, content: Arc<str>) -> bool {
        if content.is_empty() {
            return true;
        }
        self.bytes += content.len();
        if self.bytes > HISTORY_BYTES && !self.newest_first.is_empty() {
            return false;
        }
        self.newest_first.push((role, content));
        true
    }

    pub fn into_messages(mut self) -> Vec<(Role, Arc<str>)> {
        self.newest_first.reverse();
        self.newest_first
    }
}
