//! The list of living instances in Redis: one sorted set of heartbeats by Redis's own clock, one
//! hash of descriptions.
//!
//! | key | holds |
//! |---|---|
//! | `…:instances` | instance id → time of its last heartbeat, ms |
//! | `…:instances:about` | instance id → description, JSON |
//!
//! One script call per instance and second does everything: note the own heartbeat, remove whoever
//! has been silent too long, answer who is left.

use bytes::Bytes;

use super::{Instance, InstanceId};
use crate::redis::{RedisError, RedisService, Script, Value};

/// An instance without a heartbeat for so long is dead.
pub(super) const DEAD_AFTER_MS: u32 = 5_000;

/// Answers whether the own entry is new, and the names of all who live.
///
/// When nobody's heartbeat has come for two seconds, it was Redis that was away (or its clock
/// changed), not the instances: all get their time again.
static BEAT: Script = Script::new(
    "local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local last = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or now)
if now - last > 2000 or last > now then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZADD', KEYS[1], now, id)
  end
end
local new = redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
end
return {new, redis.call('ZRANGE', KEYS[1], 0, -1)}",
);

/// Whether one instance's heartbeat is recent.
static ALIVE: Script = Script::new(
    "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score then return 0 end
local t = redis.call('TIME')
if t[1] * 1000 + math.floor(t[2] / 1000) - score > tonumber(ARGV[2]) then return 0 end
return 1",
);

/// What a heartbeat answers.
pub(super) struct Beat {
    /// Redis did not know this instance.
    pub is_new: bool,
    pub alive: Vec<InstanceId>,
}

/// The fleet's instances, sorted by id, for one who is none of them.
pub async fn list_instances(redis: &RedisService) -> Result<Vec<Instance>, RedisError> {
    let about = Bytes::from(redis.key("instances:about"));
    let answer = redis.command("HGETALL", vec![about]).await?;
    let pairs = answer.into_list()?;
    let mut instances: Vec<Instance> = pairs
        .chunks_exact(2)
        .filter_map(|pair| {
            Some(Instance {
                id: InstanceId::new(pair[0].as_text()?),
                description: serde_json::from_slice(pair[1].as_bytes()?).ok()?,
            })
        })
        .collect();
    instances.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(instances)
}

/// The list, as one instance sees it.
pub(super) struct Membership {
    redis: RedisService,
    id: InstanceId,
}

impl Membership {
    pub fn new(redis: RedisService, id: InstanceId) -> Self {
        Self { redis, id }
    }

    pub async fn beat(&self, about: &serde_json::Value) -> Result<Beat, RedisError> {
        let arguments = vec![
            self.id_bytes(&self.id),
            Bytes::from(about.to_string()),
            Bytes::from(DEAD_AFTER_MS.to_string()),
        ];
        let answer = self.redis.script(&BEAT, self.keys(), arguments).await?;
        let [new, alive] = &answer.into_list()?[..] else {
            return Err(RedisError::Unexpected);
        };
        let names = alive.as_list().unwrap_or_default().iter();
        Ok(Beat {
            is_new: new.as_integer() == Some(1),
            alive: names
                .filter_map(Value::as_text)
                .map(InstanceId::new)
                .collect(),
        })
    }

    pub async fn is_alive(&self, id: &InstanceId) -> Result<bool, RedisError> {
        let arguments = vec![self.id_bytes(id), Bytes::from(DEAD_AFTER_MS.to_string())];
        let answer = self.redis.script(&ALIVE, self.keys(), arguments).await?;
        Ok(answer.as_integer() == Some(1))
    }

    /// Everybody who has not been found dead, with the last description.
    pub async fn list(&self) -> Result<Vec<Instance>, RedisError> {
        list_instances(&self.redis).await
    }

    pub async fn leave(&self) {
        let id = self.id_bytes(&self.id);
        for (name, key) in ["ZREM", "HDEL"].into_iter().zip(self.keys()) {
            let _ = self
                .redis
                .command(name, vec![Bytes::from(key), id.clone()])
                .await;
        }
    }

    fn keys(&self) -> Vec<String> {
        vec![
            self.redis.key("instances"),
            self.redis.key("instances:about"),
        ]
    }

    fn id_bytes(&self, id: &InstanceId) -> Bytes {
        Bytes::copy_from_slice(id.as_str().as_bytes())
    }
}
