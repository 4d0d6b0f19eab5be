//! The names of a user's keys. A user's name has its length before it, so that no name of a user and
//! id of a conversation together read as another pair.

use crate::chat::UserId;
use crate::redis::RedisService;

pub struct Keys<'a> {
    redis: &'a RedisService,
    user: String,
}

impl<'a> Keys<'a> {
    pub fn new(redis: &'a RedisService, user: &UserId) -> Self {
        Self {
            redis,
            user: format!("{}:{user}", user.len()),
        }
    }

    /// Hash: title, created, updated, run.
    pub fn conversation(&self, id: &str) -> String {
        self.of("conversation", id)
    }

    /// List of message ids, the oldest first.
    pub fn order(&self, id: &str) -> String {
        self.of("order", id)
    }

    /// Hash by message id: `<index> <U or A> <run or -> <JSON>`.
    pub fn messages(&self, id: &str) -> String {
        self.of("messages", id)
    }

    /// Sorted set of conversations by their last change.
    pub fn list(&self) -> String {
        self.all("list")
    }

    /// Hash by run: conversation and message.
    pub fn answers(&self) -> String {
        self.all("answers")
    }

    /// Hash by run: what is being answered.
    pub fn claims(&self) -> String {
        self.all("claims")
    }

    /// Sorted set of what runs used, by time.
    pub fn usage(&self) -> String {
        self.all("usage")
    }

    /// A client's message id that was used.
    pub fn key(&self, id: &str) -> String {
        self.of("key", id)
    }

    /// Counts changes, of all users.
    pub fn changes(&self) -> String {
        self.redis.key("chat:changes")
    }

    fn all(&self, what: &str) -> String {
        self.redis.key(&format!("chat:{what}:{}", self.user))
    }

    fn of(&self, what: &str, id: &str) -> String {
        self.redis.key(&format!("chat:{what}:{}:{id}", self.user))
    }
}
