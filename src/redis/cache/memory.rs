//! The same cache for an instance without Redis.

use std::{
    collections::HashMap,
    future::ready,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{DistributedCache, Expiry};
use crate::redis::RedisError;

/// Bounded in bytes; what was used longest ago makes room.
pub struct MemoryCache {
    entries: Mutex<Entries>,
    most_bytes: usize,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<String, Entry>,
    bytes: usize,
}

struct Entry {
    value: Bytes,
    absolute: Option<Instant>,
    sliding: Option<Duration>,
    used: Instant,
}

impl Entry {
    fn has_expired(&self, now: Instant) -> bool {
        let passed = |end: Option<Instant>| end.is_some_and(|end| end <= now);
        passed(self.absolute) || passed(self.sliding.and_then(|left| self.used.checked_add(left)))
    }
}

impl MemoryCache {
    /// `most_bytes` counts keys and values. A value larger than that is not kept.
    pub fn new(most_bytes: usize) -> Self {
        Self {
            entries: Mutex::default(),
            most_bytes,
        }
    }

    /// The value, used now; forgets it if it has expired.
    fn touch(&self, key: &str) -> Option<Bytes> {
        let mut entries = self.lock();
        let now = Instant::now();
        let entry = entries.by_key.get_mut(key)?;
        if entry.has_expired(now) {
            entries.remove(key);
            return None;
        }
        entry.used = now;
        Some(entry.value.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DistributedCache for MemoryCache {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, RedisError>> {
        Box::pin(ready(Ok(self.touch(key))))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expiry: Expiry,
    ) -> BoxFuture<'a, Result<(), RedisError>> {
        let now = Instant::now();
        let entry = Entry {
            value,
            // A moment too far away to be counted is never.
            absolute: expiry.absolute.and_then(|left| now.checked_add(left)),
            sliding: expiry.sliding,
            used: now,
        };
        let mut entries = self.lock();
        entries.remove(key);
        entries.make_room(size(key, &entry), self.most_bytes, now);
        entries.insert(key, entry, self.most_bytes);
        Box::pin(ready(Ok(())))
    }

    fn refresh<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), RedisError>> {
        self.touch(key);
        Box::pin(ready(Ok(())))
    }

    fn remove<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), RedisError>> {
        self.lock().remove(key);
        Box::pin(ready(Ok(())))
    }
}

impl Entries {
    fn insert(&mut self, key: &str, entry: Entry, most_bytes: usize) {
        let size = size(key, &entry);
        if size <= most_bytes {
            self.bytes += size;
            self.by_key.insert(key.to_owned(), entry);
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.by_key.remove(key) {
            self.bytes -= size(key, &entry);
        }
    }

    /// Lets go of what has expired, then of the least recently used, down to nine tenths, so that a
    /// full cache is not gone through for every entry.
    fn make_room(&mut self, wanted: usize, most_bytes: usize, now: Instant) {
        if self.bytes + wanted <= most_bytes {
            return;
        }
        let mut by_use: Vec<(bool, Instant, String)> = self
            .by_key
            .iter()
            .map(|(key, entry)| (!entry.has_expired(now), entry.used, key.clone()))
            .collect();
        by_use.sort_unstable();
        let target = (most_bytes / 10 * 9).saturating_sub(wanted);
        for (_, _, key) in by_use {
            if self.bytes <= target {
                break;
            }
            self.remove(&key);
        }
    }
}

fn size(key: &str, entry: &Entry) -> usize {
    key.len() + entry.value.len()
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn has(cache: &MemoryCache, key: &str) -> bool {
        cache.get(key).await.expect("memory never fails").is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_sliding_entry_lives_while_it_is_used_and_never_beyond_its_absolute_end() {
        let cache = MemoryCache::new(1_000);
        let expiry = Expiry {
            absolute: Some(10 * SECOND),
            sliding: Some(4 * SECOND),
        };
        for key in ["read", "refreshed", "left"] {
            let _ = cache.set(key, Bytes::from_static(b"1"), expiry).await;
        }
        for _ in 0..3 {
            advance(3 * SECOND).await;
            assert!(has(&cache, "read").await);
            let _ = cache.refresh("refreshed").await;
        }
        assert!(has(&cache, "refreshed").await && !has(&cache, "left").await);
        advance(SECOND).await;
        assert!(!has(&cache, "read").await && !has(&cache, "refreshed").await);
        assert_eq!(cache.lock().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_lets_go_of_what_was_used_longest_ago() {
        let cache = MemoryCache::new(100);
        for number in 0..9 {
            let key = number.to_string();
            let _ = cache
                .set(&key, Bytes::from(vec![0; 10]), Expiry::default())
                .await;
            advance(SECOND).await;
        }
        assert!(has(&cache, "0").await);
        let _ = cache
            .set("new", Bytes::from(vec![0; 10]), Expiry::default())
            .await;
        assert!(has(&cache, "0").await && has(&cache, "new").await && !has(&cache, "1").await);
        let _ = cache
            .set("huge", Bytes::from(vec![0; 200]), Expiry::default())
            .await;
        assert!(!has(&cache, "huge").await);
        assert!(cache.lock().bytes <= 100);
    }
}
