//! Conversations in Redis, shared by the instances of a fleet. Every operation is one script, so
//! that two instances never both begin to answer, and nobody sees half a change.

mod answers;
mod keys;
mod turns;

use bytes::Bytes;
use futures_util::FutureExt;

use self::answers::unexpected;
use self::keys::Keys;
use super::store::{Answer, Begun, Claim, Opened, Store, StoreError, Turn, TurnEnd, UsageRecord};
use super::{
    ConversationId, ConversationSummary, Message, MessageId, Page, RunId, Timestamp, UserId,
};
use crate::redis::{RedisError, RedisService, Script, Value};

static OPEN: Script = Script::new(include_str!("open.lua"));
static LIST: Script = Script::new(include_str!("list.lua"));
static RENAME: Script = Script::new(include_str!("rename.lua"));
static DELETE: Script = Script::new(include_str!("delete.lua"));
static ANSWER_OF: Script = Script::new(include_str!("answer_of.lua"));

/// A [`Store`] in Redis.
pub struct RedisStore {
    redis: RedisService,
}

impl RedisStore {
    pub fn new(redis: RedisService) -> Self {
        Self { redis }
    }

    fn keys(&self, user: &UserId) -> Keys<'_> {
        Keys::new(&self.redis, user)
    }

    async fn open_now(
        &self,
        user: &UserId,
        id: &ConversationId,
        before: Option<&MessageId>,
        limit: usize,
    ) -> Result<Opened, StoreError> {
        let keys = self.keys(user);
        let names = vec![keys.conversation(id), keys.order(id), keys.messages(id)];
        let before = before.map_or("", |before| before);
        let arguments = vec![text(before), number(limit)];
        answers::opened(self.redis.script(&OPEN, names, arguments).await?)
    }

    async fn list_now(
        &self,
        user: &UserId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<ConversationSummary>, StoreError> {
        let is_cursor = |cursor: &str| cursor.parse::<u64>().is_ok();
        if cursor.is_some_and(|cursor| !is_cursor(cursor)) {
            return Err(StoreError::NOT_A_CURSOR);
        }
        let keys = self.keys(user);
        let arguments = vec![
            text(cursor.unwrap_or_default()),
            // One more says whether there is another page.
            number(limit + 1),
            text(&keys.conversation("")),
            text(&keys.order("")),
        ];
        let answer = self
            .redis
            .script(&LIST, vec![keys.list()], arguments)
            .await?;
        answers::page(answer, limit)
    }

    async fn rename_now(
        &self,
        user: &UserId,
        id: &ConversationId,
        title: &str,
    ) -> Result<(), StoreError> {
        let names = vec![self.keys(user).conversation(id)];
        let answer = self.redis.script(&RENAME, names, vec![text(title)]).await?;
        match answer.as_integer() {
            Some(1) => Ok(()),
            _ => Err(StoreError::NotFound),
        }
    }

    async fn delete_now(&self, user: &UserId, id: &ConversationId) -> Result<(), StoreError> {
        let keys = self.keys(user);
        let names = vec![
            keys.conversation(id),
            keys.order(id),
            keys.messages(id),
            keys.list(),
            keys.answers(),
        ];
        let answer = self.redis.script(&DELETE, names, vec![text(id)]).await?;
        answers::deleted(answer)
    }

    async fn answer_now(
        &self,
        user: &UserId,
        run: &RunId,
    ) -> Result<(ConversationId, Message), StoreError> {
        let keys = self.keys(user);
        let arguments = vec![text(run), text(&keys.messages(""))];
        let names = vec![keys.answers()];
        answers::answer(self.redis.script(&ANSWER_OF, names, arguments).await?)
    }

    async fn claims_now(&self, user: &UserId) -> Result<Vec<Claim>, StoreError> {
        let arguments = vec![self.keys(user).claims().into()];
        let mut claims: Vec<Claim> = self.values("HVALS", arguments).await?;
        claims.sort_by_key(|claim| claim.started_at);
        Ok(claims)
    }

    async fn usage_now(
        &self,
        user: &UserId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<UsageRecord>, StoreError> {
        let arguments = vec![
            self.keys(user).usage().into(),
            from.0.timestamp_millis().to_string().into(),
            format!("({}", to.0.timestamp_millis()).into(),
        ];
        self.values("ZRANGEBYSCORE", arguments).await
    }

    /// The answer of a command that lists JSON values.
    async fn values<T: serde::de::DeserializeOwned>(
        &self,
        command: &'static str,
        arguments: Vec<Bytes>,
    ) -> Result<Vec<T>, StoreError> {
        let answer = self.redis.command(command, arguments).await?;
        let items = answer.into_list()?;
        let read = |item: &Value| serde_json::from_slice(item.as_bytes()?).ok();
        let values = items.iter().map(read);
        values.collect::<Option<_>>().ok_or_else(unexpected)
    }
}

impl Store for RedisStore {
    fn begin_turn<'a>(&'a self, turn: &'a Turn) -> Answer<'a, Begun> {
        turns::begin(&self.redis, turn).boxed()
    }

    fn finish_turn<'a>(&'a self, end: &'a TurnEnd) -> Answer<'a, bool> {
        turns::finish(&self.redis, end).boxed()
    }

    fn open<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        before: Option<&'a MessageId>,
        limit: usize,
    ) -> Answer<'a, Opened> {
        self.open_now(user, conversation, before, limit).boxed()
    }

    fn list<'a>(
        &'a self,
        user: &'a UserId,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Page<ConversationSummary>> {
        self.list_now(user, cursor, limit).boxed()
    }

    fn rename<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        title: &'a str,
    ) -> Answer<'a, ()> {
        self.rename_now(user, conversation, title).boxed()
    }

    fn delete<'a>(&'a self, user: &'a UserId, conversation: &'a ConversationId) -> Answer<'a, ()> {
        self.delete_now(user, conversation).boxed()
    }

    fn answer_of<'a>(
        &'a self,
        user: &'a UserId,
        run: &'a RunId,
    ) -> Answer<'a, (ConversationId, Message)> {
        self.answer_now(user, run).boxed()
    }

    fn claims<'a>(&'a self, user: &'a UserId) -> Answer<'a, Vec<Claim>> {
        self.claims_now(user).boxed()
    }

    fn usage<'a>(
        &'a self,
        user: &'a UserId,
        from: Timestamp,
        to: Timestamp,
    ) -> Answer<'a, Vec<UsageRecord>> {
        self.usage_now(user, from, to).boxed()
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        if matches!(error, RedisError::Refused(_) | RedisError::Unexpected) {
            tracing::error!(%error, "Redis refused what the conversations need");
        }
        Self::Unavailable
    }
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn number(number: usize) -> Bytes {
    number.to_string().into()
}
