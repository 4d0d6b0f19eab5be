//! The limiter of the whole fleet: one hash per key in Redis, by Redis's clock.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Decision, Limit, RateLimiter};
use crate::redis::{RedisError, RedisService, Script};

/// The same steps as [`Window::take`](super::window::Window::take). Answers 1 and what is left, or 0
/// and the wait in milliseconds.
static TAKE: Script = Script::new(
    "local limit, length, permits = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local number, passed = math.floor(now / length), now % length
local saved = redis.call('HMGET', KEYS[1], 'number', 'count', 'previous')
local last, count, previous = tonumber(saved[1] or -1), tonumber(saved[2] or 0), tonumber(saved[3] or 0)
if last ~= number then
  previous = (last + 1 == number) and count or 0
  count = 0
end
local used = math.ceil(previous * (length - passed) / length) + count
if used + permits <= limit then
  redis.call('HSET', KEYS[1], 'number', number, 'count', count + permits, 'previous', previous)
  redis.call('PEXPIRE', KEYS[1], 2 * length)
  return {1, limit - used - permits}
end
local room = limit - permits
if room < 0 then return {0, length} end
local function fade(of, to)
  if of == 0 then return 0 end
  return length - math.floor(math.min(to, of) * length / of)
end
if room >= count then return {0, math.max(1, fade(previous, room - count) - passed)} end
return {0, length - passed + fade(count, room)}",
);

/// Counts for all instances of the fleet. Keys are `…:limit:<key>` and expire by themselves.
pub struct RedisLimiter {
    redis: RedisService,
}

impl RedisLimiter {
    pub fn new(redis: RedisService) -> Self {
        Self { redis }
    }

    async fn decide(&self, key: &str, limit: Limit, permits: u32) -> Result<Decision, RedisError> {
        let length = limit.window.as_millis().max(1);
        let numbers = [u128::from(limit.permits), length, u128::from(permits)];
        let arguments = numbers.map(|number| Bytes::from(number.to_string()));
        let keys = vec![self.redis.key(&format!("limit:{key}"))];
        let answer = self.redis.script(&TAKE, keys, arguments.to_vec()).await?;
        let numbers: Option<Vec<i64>> = answer
            .as_list()
            .and_then(|items| items.iter().map(|item| item.as_integer()).collect());
        match numbers.as_deref() {
            Some([1, left]) => Ok(Decision::Admitted {
                left: u32::try_from(*left).unwrap_or(0),
            }),
            Some([0, wait]) => Ok(Decision::Limited {
                retry_after: Duration::from_millis(u64::try_from(*wait).unwrap_or(0)),
            }),
            _ => Err(RedisError::Unexpected),
        }
    }
}

impl RateLimiter for RedisLimiter {
    fn take<'a>(
        &'a self,
        key: &'a str,
        limit: Limit,
        permits: u32,
    ) -> BoxFuture<'a, Result<Decision, RedisError>> {
        Box::pin(self.decide(key, limit, permits))
    }
}
