//! How often something may be done: a sliding window over two counters.
//!
//! Time is cut into windows. The one before counts for the part of it that the sliding window still
//! covers, as if its uses had been spread evenly; so there is no burst at the border of two windows
//! and each key costs three numbers, whatever its limit.

mod memory;
mod shared;
mod window;

use std::time::Duration;

use futures_util::future::BoxFuture;

pub use self::{memory::MemoryLimiter, shared::RedisLimiter};
use super::RedisError;

/// At most so many permits within any stretch of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub permits: u32,
    /// At least a millisecond.
    pub window: Duration,
}

/// Whether it may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, and so many permits are left.
    Admitted { left: u32 },
    /// No; nothing was counted. It may be after this time, unless others come first.
    Limited { retry_after: Duration },
}

/// Counts for the whole fleet through Redis, or for one instance.
pub trait RateLimiter: Send + Sync {
    /// Takes `permits` of what `key` may do. More than the limit at once is never admitted.
    fn take<'a>(
        &'a self,
        key: &'a str,
        limit: Limit,
        permits: u32,
    ) -> BoxFuture<'a, Result<Decision, RedisError>>;
}
