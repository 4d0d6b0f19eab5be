//! Which fleets share one Redis and one prefix, and so each other's hub messages.
//!
//! Key `<prefix>managing-api:fleets`: fleet name → last seen, ms of Redis's clock.

use bytes::Bytes;

use super::{RedisError, RedisService, Script, Value};

/// A fleet that nobody has reported for so long is forgotten.
const FORGET_AFTER_MS: u32 = 120_000;

/// Reports one fleet, answers all.
static REPORT: Script = Script::new(
    "local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)",
);

/// Reports the service's own fleet and answers the names of others that were reported within the
/// last two minutes.
pub async fn other_fleets(redis: &RedisService) -> Result<Vec<String>, RedisError> {
    let key = format!("{}managing-api:fleets", redis.prefix());
    let own = redis.fleet();
    let arguments = vec![
        Bytes::copy_from_slice(own.as_bytes()),
        Bytes::from(FORGET_AFTER_MS.to_string()),
    ];
    let answer = redis.script(&REPORT, vec![key], arguments).await?;
    let names = answer.into_list()?;
    let names = names.iter().filter_map(Value::as_text);
    Ok(names
        .filter(|name| *name != own)
        .map(str::to_owned)
        .collect())
}
