//! The limiter of an instance without Redis.

use std::{
    collections::HashMap,
    future::ready,
    sync::{Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{Decision, Limit, RateLimiter, window::Window};
use crate::redis::RedisError;

/// Keys that are kept before those are looked for that do not count any more.
const SWEEP_AT: usize = 10_000;

/// Counts for this instance only.
pub struct MemoryLimiter {
    begin: Instant,
    keys: Mutex<Keys>,
}

struct Keys {
    windows: HashMap<String, (Window, Limit)>,
    sweep_at: usize,
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
            keys: Mutex::new(Keys {
                windows: HashMap::new(),
                sweep_at: SWEEP_AT,
            }),
        }
    }
}

impl MemoryLimiter {
    fn decide(&self, key: &str, limit: Limit, permits: u32) -> Decision {
        let now = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.sweep(now);
        let fresh = (Window::default(), limit);
        let (window, last) = keys.windows.entry(key.to_owned()).or_insert(fresh);
        *last = limit;
        window.take(now, limit, permits)
    }
}

impl Keys {
    /// As many keys as are used within two windows stay, so the next sweep is at twice that.
    fn sweep(&mut self, now: u64) {
        if self.windows.len() >= self.sweep_at {
            self.windows
                .retain(|_, (window, limit)| !window.is_over(now, *limit));
            self.sweep_at = (self.windows.len() * 2).max(SWEEP_AT);
        }
    }
}

impl RateLimiter for MemoryLimiter {
    fn take<'a>(
        &'a self,
        key: &'a str,
        limit: Limit,
        permits: u32,
    ) -> BoxFuture<'a, Result<Decision, RedisError>> {
        Box::pin(ready(Ok(self.decide(key, limit, permits))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn keys_that_do_not_count_any_more_are_let_go() {
        let limiter = MemoryLimiter::default();
        let limit = Limit {
            permits: 1,
            window: Duration::from_secs(1),
        };
        for number in 0..SWEEP_AT {
            limiter.decide(&number.to_string(), limit, 1);
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        limiter.decide("new", limit, 1);
        let keys = limiter.keys.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(keys.windows.len(), 1);
    }
}
