//! The cache in Redis, in the layout of Microsoft.Extensions.Caching.StackExchangeRedis, so that
//! .NET applications read and write the same entries.
//!
//! One hash per entry: `absexp` (.NET ticks of the moment, UTC, or -1), `sldexp` (ticks, or -1) and
//! `data`; the key expires by itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{DistributedCache, Expiry};
use crate::redis::{RedisError, RedisService, Script};

/// .NET counts in 100 ns from the year 1; this is 1970.
const UNIX_EPOCH_TICKS: i128 = 621_355_968_000_000_000;
const NOT_SET: i128 = -1;

static SET: Script = Script::new(
    "redis.call('HSET', KEYS[1], 'absexp', ARGV[1], 'sldexp', ARGV[2], 'data', ARGV[4])
if ARGV[3] == '-1' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end",
);

/// Begins a sliding expiry anew, within the absolute one; answers the data if asked to.
static USE: Script = Script::new(
    "local entry = redis.call('HMGET', KEYS[1], 'absexp', 'sldexp', ARGV[1])
local absolute, sliding = tonumber(entry[1] or -1), tonumber(entry[2] or -1)
if sliding > 0 then
  local left = math.floor(sliding / 10000)
  if absolute > 0 then
    local t = redis.call('TIME')
    local now = t[1] * 1000 + math.floor(t[2] / 1000)
    left = math.min(left, math.floor((absolute - 621355968000000000) / 10000) - now)
  end
  if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
end
return entry[3]",
);

/// The cache of everybody who uses the same Redis, database and instance name.
pub struct RedisCache {
    redis: RedisService,
    instance_name: String,
}

impl RedisCache {
    /// `instance_name` is put before every key, as .NET's `RedisCacheOptions.InstanceName`.
    pub fn new(redis: RedisService, instance_name: &str) -> Self {
        Self {
            redis,
            instance_name: instance_name.to_owned(),
        }
    }

    fn full(&self, key: &str) -> String {
        [&self.instance_name, key].concat()
    }

    async fn touch(&self, key: &str, field: &'static str) -> Result<Option<Bytes>, RedisError> {
        let field = Bytes::from_static(field.as_bytes());
        let answer = self.redis.script(&USE, vec![self.full(key)], vec![field]);
        Ok(answer.await?.as_bytes().cloned())
    }
}

impl DistributedCache for RedisCache {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, RedisError>> {
        Box::pin(self.touch(key, "data"))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expiry: Expiry,
    ) -> BoxFuture<'a, Result<(), RedisError>> {
        let [absolute, sliding, milliseconds] = fields(expiry, SystemTime::now());
        let text = |number: i128| Bytes::from(number.to_string());
        let arguments = vec![text(absolute), text(sliding), text(milliseconds), value];
        Box::pin(async move {
            let done = self.redis.script(&SET, vec![self.full(key)], arguments);
            done.await.map(drop)
        })
    }

    fn refresh<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), RedisError>> {
        Box::pin(async move { self.touch(key, "absexp").await.map(drop) })
    }

    fn remove<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), RedisError>> {
        Box::pin(async move {
            let removed = self.redis.command("DEL", vec![Bytes::from(self.full(key))]);
            removed.await.map(drop)
        })
    }
}

/// `absexp`, `sldexp` and the key's time to live in milliseconds.
fn fields(expiry: Expiry, now: SystemTime) -> [i128; 3] {
    let ticks = |duration: Duration| (duration.as_nanos() / 100) as i128;
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let absolute = expiry.absolute.map_or(NOT_SET, |left| {
        UNIX_EPOCH_TICKS + ticks(since_1970) + ticks(left)
    });
    let soonest = [expiry.absolute, expiry.sliding]
        .into_iter()
        .flatten()
        .min();
    // Zero would be no expiry, and less than a millisecond is not told apart.
    let milliseconds = soonest.map_or(NOT_SET, |left| (left.as_millis() as i128).max(1));
    [
        absolute,
        expiry.sliding.map_or(NOT_SET, ticks),
        milliseconds,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_that_dotnet_writes() {
        // 2026-01-01T00:00:00Z is DateTime.Ticks 639028224000000000.
        let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let minutes = |count: u64| Some(Duration::from_secs(60 * count));
        let expiry = |absolute, sliding| Expiry { absolute, sliding };
        for (expiry, expected) in [
            (expiry(None, None), [-1, -1, -1]),
            (
                expiry(minutes(1), None),
                [639_028_224_600_000_000, -1, 60_000],
            ),
            (expiry(None, minutes(20)), [-1, 12_000_000_000, 1_200_000]),
            (
                expiry(minutes(1), minutes(20)),
                [639_028_224_600_000_000, 12_000_000_000, 60_000],
            ),
        ] {
            assert_eq!(fields(expiry, now), expected, "{expiry:?}");
        }
    }
}
