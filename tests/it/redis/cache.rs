//! The cache and the limiter: one set of promises, kept by Redis and by memory.

use std::time::Duration;

use bytes::Bytes;
use managing_api::redis::{
    Decision, DistributedCache, Expiry, Limit, MemoryCache, MemoryLimiter, RateLimiter, RedisCache,
    RedisError, RedisLimiter, RedisService,
};

use super::{LIMIT, connected, options};
use crate::support::{redis::RedisServer, turn, within};

async fn caches_keep_replace_and_forget(cache: &dyn DistributedCache) {
    let value = |text: &'static str| Bytes::from_static(text.as_bytes());
    assert_eq!(cache.get("k").await, Ok(None));
    assert_eq!(cache.refresh("k").await, Ok(()));
    let soon = Expiry {
        absolute: Some(Duration::from_millis(300)),
        sliding: None,
    };
    assert_eq!(cache.set("gone", value("1"), soon).await, Ok(()));
    assert_eq!(cache.set("kept", value("1"), soon).await, Ok(()));
    // Also the expiry is replaced.
    assert_eq!(
        cache
            .set("kept", value("\0\u{ff}"), Expiry::default())
            .await,
        Ok(())
    );
    within(LIMIT, "it expires", async {
        while cache.get("gone").await != Ok(None) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("within the limit");
    assert_eq!(cache.get("kept").await, Ok(Some(value("\0\u{ff}"))));
    assert_eq!(cache.remove("kept").await, Ok(()));
    assert_eq!(cache.remove("kept").await, Ok(()));
    assert_eq!(cache.get("kept").await, Ok(None));
}

async fn limiters_admit_up_to_the_limit(limiter: &dyn RateLimiter) {
    let limit = Limit {
        permits: 3,
        window: Duration::from_secs(3_600),
    };
    for left in [2, 1, 0] {
        assert_eq!(
            limiter.take("a", limit, 1).await,
            Ok(Decision::Admitted { left })
        );
    }
    let limited = limiter.take("a", limit, 1).await;
    let Ok(Decision::Limited { retry_after }) = limited else {
        panic!("{limited:?}");
    };
    assert!(retry_after > Duration::ZERO && retry_after <= 2 * limit.window);
    assert_eq!(
        limiter.take("b", limit, 3).await,
        Ok(Decision::Admitted { left: 0 })
    );
    assert!(matches!(
        limiter.take("c", limit, 4).await,
        Ok(Decision::Limited { .. })
    ));

    let short = Limit {
        permits: 1,
        window: Duration::from_millis(100),
    };
    assert!(matches!(
        limiter.take("d", short, 1).await,
        Ok(Decision::Admitted { .. })
    ));
    within(LIMIT, "it is admitted again", async {
        while let Ok(Decision::Limited { retry_after }) = limiter.take("d", short, 1).await {
            tokio::time::sleep(retry_after).await;
        }
    })
    .await
    .expect("within the limit");
}

#[tokio::test]
async fn in_memory() {
    let _turn = turn::beside_others();
    caches_keep_replace_and_forget(&MemoryCache::new(1_000)).await;
    limiters_admit_up_to_the_limit(&MemoryLimiter::default()).await;
}

#[tokio::test]
async fn in_redis() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let redis = connected(&server).await;
    caches_keep_replace_and_forget(&RedisCache::new(redis.clone(), "app:")).await;
    limiters_admit_up_to_the_limit(&RedisLimiter::new(redis)).await;
}

/// As Microsoft.Extensions.Caching.StackExchangeRedis writes and reads it.
#[tokio::test]
async fn entries_are_those_of_dotnet() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let cache = RedisCache::new(connected(&server).await, "app:");
    let expiry = Expiry {
        absolute: None,
        sliding: Some(Duration::from_secs(1_200)),
    };
    let set = cache.set("k", Bytes::from_static(b"ours"), expiry);
    assert_eq!(set.await, Ok(()));
    let fields = server.ask(&["HMGET app:k absexp sldexp data"]).await;
    let values: Vec<&str> = fields[..7].iter().map(String::as_str).collect();
    assert_eq!(
        values,
        ["*3", "$2", "-1", "$11", "12000000000", "$4", "ours"]
    );

    // Theirs: twenty minutes sliding, and nearly expired when it is read.
    let theirs = "HSET app:t absexp -1 sldexp 12000000000 data theirs";
    server.ask(&[theirs, "EXPIRE app:t 60"]).await;
    assert_eq!(
        cache.get("t").await,
        Ok(Some(Bytes::from_static(b"theirs")))
    );
    let left: u64 = server.ask(&["TTL app:t"]).await[0][1..]
        .parse()
        .expect("a number");
    assert!(left > 1_100, "{left} seconds");
    // An absolute end that comes first bounds it: here it has passed, and nothing is prolonged.
    server
        .ask(&["HSET app:t absexp 600000000000000000", "EXPIRE app:t 60"])
        .await;
    assert_eq!(cache.refresh("t").await, Ok(()));
    let left: u64 = server.ask(&["TTL app:t"]).await[0][1..]
        .parse()
        .expect("a number");
    assert!(left <= 60, "{left} seconds");
}

#[tokio::test]
async fn without_its_redis_both_say_so_at_once() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::absent(&[]) else {
        return;
    };
    let redis = RedisService::start(options(&server));
    let cache = RedisCache::new(redis.clone(), "");
    assert_eq!(cache.get("k").await, Err(RedisError::Unavailable));
    let limit = Limit {
        permits: 1,
        window: Duration::from_secs(1),
    };
    let decision = RedisLimiter::new(redis).take("k", limit, 1).await;
    assert_eq!(decision, Err(RedisError::Unavailable));
}
