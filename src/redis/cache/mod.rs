//! A cache of bytes by key, as `IDistributedCache`: entries expire at a moment, or after not being
//! used for a while. Sessions are entries with a sliding expiry.

mod memory;
mod shared;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use self::{memory::MemoryCache, shared::RedisCache};
use super::RedisError;

/// When an entry goes. With both, whichever comes first; with neither it stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// From now on, however much it is used.
    pub absolute: Option<Duration>,
    /// Since it was read or refreshed last.
    pub sliding: Option<Duration>,
}

/// What all instances share through Redis, or one instance keeps for itself.
pub trait DistributedCache: Send + Sync {
    /// The value, whose sliding expiry begins anew.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, RedisError>>;

    /// Replaces value and expiry.
    fn set<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expiry: Expiry,
    ) -> BoxFuture<'a, Result<(), RedisError>>;

    /// Begins the sliding expiry anew. An entry that is not there is no error.
    fn refresh<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), RedisError>>;

    fn remove<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), RedisError>>;
}
