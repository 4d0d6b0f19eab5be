//! The list of living instances in Redis: one sorted set of heartbeats by Redis's own clock, one
//! hash of descriptions.
//!
//! | key | holds |
//! |---|---|
//! | `…:instances` | instance id → time of its last heartbeat, ms |
//! | `…:instances:about` | instance id → description, JSON |
//! | `…:instances:steady` | since when heartbeats have come without a pause, ms |
//!
//! One script call per instance and heartbeat does everything: note the own one, remove whoever is
//! dead, answer who is left.

use bytes::Bytes;

use super::{Instance, InstanceId, channel_prefix};
use crate::redis::{RedisError, RedisService, Script, Value};

/// An instance without a heartbeat for so long is dead.
pub(super) const DEAD_AFTER_MS: u32 = 5_000;
/// It is dead earlier if Redis sees its other connection closed too, the one it is asked on: so it
/// is when a process was killed.
const DEAF_AFTER_MS: u32 = 1_500;

/// What is common: the time, and who is dead.
///
/// Who is silent and deaf may also be somebody whom Redis, or the network, was away from, and who
/// comes back a moment later than others. So that counts only while heartbeats have been steady.
macro_rules! judge {
    () => {
        "local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local last = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or now)
local since = tonumber(redis.call('GET', KEYS[3]) or now)
if now - last > 1000 or last > now then since = now end
local function is_dead(id, score)
  local silent = now - score
  if silent >= tonumber(ARGV[2]) then return true end
  if silent < tonumber(ARGV[3]) or now - since < 2000 then return false end
  return redis.pcall('PUBSUB', 'NUMSUB', ARGV[4] .. id)[2] == 0
end
"
    };
}

/// Answers whether the own entry is new, and the names of all who live.
///
/// When nobody's heartbeat has come for two seconds, it was Redis that was away (or its clock
/// changed), not the instances: all get their time again.
static BEAT: Script = Script::new(concat!(
    judge!(),
    "if now - last > 2000 or last > now then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZADD', KEYS[1], now, id)
  end
end
redis.call('SET', KEYS[3], since, 'PX', 60000)
local new = redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[5])
local all, alive = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'), {}
for at = 1, #all, 2 do
  if is_dead(all[at], all[at + 1]) then
    redis.call('ZREM', KEYS[1], all[at])
    redis.call('HDEL', KEYS[2], all[at])
  else
    alive[#alive + 1] = all[at]
  end
end
return {new, alive}"
));

/// Whether one instance lives.
static ALIVE: Script = Script::new(concat!(
    judge!(),
    "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or is_dead(ARGV[1], score) then return 0 end
return 1"
));

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
        let mut arguments = self.arguments(&self.id);
        arguments.push(Bytes::from(about.to_string()));
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
        let arguments = self.arguments(id);
        let answer = self.redis.script(&ALIVE, self.keys(), arguments).await?;
        Ok(answer.as_integer() == Some(1))
    }

    /// Everybody who has not been found dead, with the last description.
    pub async fn list(&self) -> Result<Vec<Instance>, RedisError> {
        list_instances(&self.redis).await
    }

    pub async fn leave(&self) {
        let id = self.id_bytes(&self.id);
        // Of the keys the first two.
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
            self.redis.key("instances:steady"),
        ]
    }

    /// Of both scripts: whose heart it is about, and how to tell who is dead.
    fn arguments(&self, id: &InstanceId) -> Vec<Bytes> {
        let channels = [self.redis.prefix(), &channel_prefix(&self.redis)].concat();
        vec![
            self.id_bytes(id),
            Bytes::from(DEAD_AFTER_MS.to_string()),
            Bytes::from(DEAF_AFTER_MS.to_string()),
            Bytes::from(channels),
        ]
    }

    fn id_bytes(&self, id: &InstanceId) -> Bytes {
        Bytes::copy_from_slice(id.as_str().as_bytes())
    }
}
