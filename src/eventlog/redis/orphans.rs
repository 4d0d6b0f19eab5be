//! Logs whose owner has died. A death is believed only after it was seen for a while: when Redis was
//! away or came back empty, the living need a moment to be seen again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::arguments::text;
use super::{owned, owners};
use crate::eventlog::{LogName, StoreError};
use crate::redis::{InstanceId, Instances, RedisService};

/// How long an owner must have been seen dead, besides the time that [`Instances`] gives it.
const DOUBT: Duration = Duration::from_millis(1_500);
/// Whoever asks less often than this has not watched in between.
const WATCH: Duration = Duration::from_secs(3);

pub struct Orphans {
    redis: RedisService,
    instances: Arc<Instances>,
    dead: Mutex<HashMap<Arc<str>, Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    first: Instant,
    last: Instant,
}

impl Orphans {
    pub fn new(redis: RedisService, instances: Arc<Instances>) -> Self {
        Self {
            redis,
            instances,
            dead: Mutex::default(),
        }
    }

    pub async fn find(&self, kind: &str) -> Result<Vec<(LogName, Arc<str>)>, StoreError> {
        let owners = self.members(owners(&self.redis)).await?;
        let mut orphans = Vec::new();
        for owner in owners {
            let owner: Arc<str> = owner.into();
            if !self.is_surely_dead(&owner).await? {
                continue;
            }
            let logs = self.members(owned(&self.redis, &owner)).await?;
            if logs.is_empty() {
                self.forget(&owner).await?;
            }
            let logs = of_kind(&logs, kind);
            orphans.extend(logs.into_iter().map(|log| (log, owner.clone())));
        }
        Ok(orphans)
    }

    /// All logs of a kind, whoever owns them.
    pub async fn all(&self, kind: &str) -> Result<Vec<LogName>, StoreError> {
        let mut all = Vec::new();
        for owner in self.members(owners(&self.redis)).await? {
            all.extend(self.owned_by(&owner, kind).await?);
        }
        Ok(all)
    }

    pub async fn owned_by(&self, owner: &str, kind: &str) -> Result<Vec<LogName>, StoreError> {
        let logs = self.members(owned(&self.redis, owner)).await?;
        Ok(of_kind(&logs, kind))
    }

    async fn is_surely_dead(&self, owner: &Arc<str>) -> Result<bool, StoreError> {
        let id = InstanceId::new(owner);
        if id == *self.instances.id() {
            return Ok(false);
        }
        let alive = self.instances.is_alive(&id).await;
        let mut dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(false) = alive else {
            dead.remove(owner);
            return Ok(alive.map(|_| false)?);
        };
        let now = Instant::now();
        let seen = dead.entry(owner.clone()).or_insert(Seen {
            first: now,
            last: now,
        });
        if now - seen.last > WATCH {
            seen.first = now;
        }
        seen.last = now;
        Ok(now - seen.first >= DOUBT)
    }

    async fn forget(&self, owner: &Arc<str>) -> Result<(), StoreError> {
        let arguments = vec![text(&super::owners(&self.redis)), text(owner)];
        self.redis.command("SREM", arguments).await?;
        let mut dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        dead.remove(owner);
        Ok(())
    }

    async fn members(&self, key: String) -> Result<Vec<String>, StoreError> {
        let answer = self.redis.command("SMEMBERS", vec![key.into()]).await?;
        let items = answer.into_list()?;
        let text = |item: &crate::redis::Value| item.as_text().map(str::to_owned);
        Ok(items.iter().filter_map(text).collect())
    }
}

fn of_kind(logs: &[String], kind: &str) -> Vec<LogName> {
    let names = logs.iter().map(|log| LogName::from(log.as_str()));
    names.filter(|log| log.kind() == kind).collect()
}
