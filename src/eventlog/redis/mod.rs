//! Logs in Redis, shared by the instances of a fleet. Every operation is one script.
//!
//! For each log there is a hash (`meta`: epoch, numbers, owner, fence, snapshot), a list of its
//! durable events, a hash of its latest conflated values, and the set of instances that follow it;
//! notes are keys of their own. The owner's append feeds them: one message for each instance, on a channel of its own, with
//! everything of the batch.

mod answers;
mod arguments;
mod feed;
mod frame;
mod orphans;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::BoxStream;
use tokio::sync::watch;

use self::arguments::{number, push_append, text};
use self::orphans::Orphans;
use super::store::Answer;
use super::{
    Acquired, Append, Appended, Bounds, Epoch, Expected, Fed, Lease, LogName, LogStore, StoreError,
    Stored, Tail,
};
use crate::redis::{Instances, RedisError, RedisService, Script};

static ACQUIRE: Script = Script::new(include_str!("acquire.lua"));
static APPEND: Script = Script::new(include_str!("append.lua"));
static READ: Script = Script::new(include_str!("read.lua"));
static LET_GO: Script = Script::new(include_str!("let_go.lua"));
static TAILS: Script = Script::new(include_str!("tails.lua"));

/// A [`LogStore`] in Redis.
pub struct RedisLogs {
    redis: RedisService,
    me: Arc<str>,
    bounds: Bounds,
    orphans: Orphans,
    returns: watch::Receiver<u64>,
}

impl RedisLogs {
    pub fn new(redis: RedisService, instances: Arc<Instances>) -> Arc<Self> {
        Arc::new(Self {
            me: instances.id().as_str().into(),
            bounds: Bounds::default(),
            orphans: Orphans::new(redis.clone(), instances),
            returns: feed::returns(&redis),
            redis,
        })
    }

    fn keys(&self, log: &LogName) -> [String; 4] {
        ["meta", "events", "values", "followers"]
            .map(|what| self.redis.key(&format!("log:{what}:{}", log.as_str())))
    }

    async fn acquire_now(
        &self,
        log: &LogName,
        about: Bytes,
        from: Expected<'_>,
    ) -> Result<Acquired, StoreError> {
        let mut keys = self.keys(log).to_vec();
        keys.extend([owners(&self.redis), owned(&self.redis, &self.me)]);
        let epoch = Epoch::random();
        let arguments = vec![
            text(log.as_str()),
            text(&self.me),
            about.clone(),
            text(match from {
                Expected::Nobody => "",
                Expected::Anybody => "*",
                Expected::Instance(instance) => instance,
            }),
            text(epoch.as_str()),
            text(&owned(&self.redis, "")),
        ];
        let answer = self.redis.script(&ACQUIRE, keys, arguments).await?;
        let (fence, is_new) = match answers::acquired(answer)? {
            Ok(acquired) => acquired,
            Err(owner) => return Ok(Acquired::Held { owner }),
        };
        let lease = Lease {
            log: log.clone(),
            owner: self.me.clone(),
            fence,
        };
        let stored = match is_new {
            true => None,
            // Nobody else appends from here on.
            false => self.read_now(log, None, false).await?,
        };
        let stored = stored.unwrap_or_else(|| Stored::empty(epoch, about, self.me.clone()));
        Ok(Acquired::Yes(lease, stored))
    }

    async fn append_now(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let mut keys = vec![owners(&self.redis), owned(&self.redis, &self.me)];
        let mut arguments = vec![
            text(&self.me),
            text(&format!(
                "{}{}",
                self.redis.prefix(),
                feed::channel(&self.redis, "")
            )),
            text(&note_of(&self.redis, "")),
            number(self.bounds.events as u64),
            number(self.bounds.bytes as u64),
            number(self.bounds.conflated as u64),
        ];
        for append in batch {
            keys.extend(self.keys(&append.lease.log));
            push_append(&mut arguments, append);
        }
        let answer = self.redis.script(&APPEND, keys, arguments).await?;
        answers::appended(answer, batch.len())
    }

    async fn read_now(
        &self,
        log: &LogName,
        after: Option<(&Epoch, u64)>,
        follow: bool,
    ) -> Result<Option<Stored>, StoreError> {
        let arguments = vec![
            text(after.map_or("", |(epoch, _)| epoch.as_str())),
            number(after.map_or(0, |(_, seq)| seq)),
            text(if follow { &self.me } else { "" }),
        ];
        let keys = self.keys(log).to_vec();
        answers::stored(self.redis.script(&READ, keys, arguments).await?)
    }

    async fn let_go_now(&self, lease: &Lease, remove: bool) -> Result<(), StoreError> {
        let mut keys = self.keys(&lease.log).to_vec();
        keys.push(owned(&self.redis, &lease.owner));
        let arguments = vec![
            text(lease.log.as_str()),
            text(&lease.owner),
            number(lease.fence),
            text(if remove { "1" } else { "" }),
        ];
        self.redis.script(&LET_GO, keys, arguments).await?;
        Ok(())
    }

    async fn tails_now(&self, logs: &[LogName]) -> Result<Vec<Option<Tail>>, StoreError> {
        let metas = logs.iter().map(|log| {
            let [meta, ..] = self.keys(log);
            meta
        });
        let answer = self
            .redis
            .script(&TAILS, metas.collect(), Vec::new())
            .await?;
        answers::tails(answer, logs.len())
    }
}

impl LogStore for RedisLogs {
    fn acquire<'a>(
        &'a self,
        log: &'a LogName,
        about: Bytes,
        from: Expected<'a>,
    ) -> Answer<'a, Acquired> {
        self.acquire_now(log, about, from).boxed()
    }

    fn append<'a>(&'a self, batch: &'a [Append]) -> Answer<'a, Vec<Appended>> {
        self.append_now(batch).boxed()
    }

    fn read<'a>(
        &'a self,
        log: &'a LogName,
        after: Option<(&'a Epoch, u64)>,
        follow: bool,
    ) -> Answer<'a, Option<Stored>> {
        self.read_now(log, after, follow).boxed()
    }

    fn tails<'a>(&'a self, logs: &'a [LogName]) -> Answer<'a, Vec<Option<Tail>>> {
        self.tails_now(logs).boxed()
    }

    fn let_go<'a>(&'a self, lease: &'a Lease) -> Answer<'a, ()> {
        self.let_go_now(lease, false).boxed()
    }

    fn remove<'a>(&'a self, lease: &'a Lease) -> Answer<'a, ()> {
        self.let_go_now(lease, true).boxed()
    }

    fn orphans<'a>(&'a self, kind: &'a str) -> Answer<'a, Vec<(LogName, Arc<str>)>> {
        self.orphans.find(kind).boxed()
    }

    fn logs<'a>(&'a self, kind: &'a str) -> Answer<'a, Vec<LogName>> {
        self.orphans.all(kind).boxed()
    }

    fn note<'a>(&'a self, log: &'a LogName, key: &'a str) -> Answer<'a, Option<Bytes>> {
        let note = note_of(&self.redis, &format!("{}:{key}", log.as_str()));
        async move {
            let answer = self.redis.command("GET", vec![note.into()]).await?;
            Ok(answer.as_bytes().cloned())
        }
        .boxed()
    }

    fn owned<'a>(&'a self, kind: &'a str) -> Answer<'a, Vec<LogName>> {
        self.orphans.owned_by(&self.me, kind).boxed()
    }

    fn feed(&self) -> BoxStream<'static, Fed> {
        feed::stream(&self.redis, &self.me)
    }

    fn returns(&self) -> watch::Receiver<u64> {
        self.returns.clone()
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        match error {
            RedisError::Unexpected => Self::Damaged(error.to_string()),
            RedisError::Refused(reason) => {
                tracing::warn!(reason, "Redis refused what a log needs");
                Self::Unavailable
            }
            _ => Self::Unavailable,
        }
    }
}

/// Instances that own logs.
fn owners(redis: &RedisService) -> String {
    redis.key("log:owners")
}

/// A note, or with nothing what precedes all of them.
fn note_of(redis: &RedisService, name: &str) -> String {
    redis.key(&format!("log:note:{name}"))
}

/// The logs that an instance owns.
fn owned(redis: &RedisService, instance: &str) -> String {
    redis.key(&format!("log:owned:{instance}"))
}
