//! A user's quota over all instances.
//!
//! A hub call cannot wait for Redis. So an instance counts by itself and tells the fleet's limiter
//! four times a second what its users have used; whose quota is used up there is held back here for
//! as long as the limiter says. Between two reports each instance's own quota is the bound, as it is
//! while Redis is away. Users of whom an instance sees less than a sixteenth of the quota are not
//! reported: sixteen instances could not exceed it together.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use ahash::RandomState;
use dashmap::DashMap;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::redis::{Decision, Limit, RateLimiter};

const REPORT: Duration = Duration::from_millis(250);
const REPORTS_PER_SECOND: u32 = 4;
/// The share of the quota below which a user is not reported.
const UNREPORTED: u32 = 16;
/// Reports under way at the same time.
const PARALLEL: usize = 64;

/// What users have used here, and who is held back.
pub struct FleetLimits {
    limiter: Arc<dyn RateLimiter>,
    limit: Limit,
    /// Calls in one interval that are worth a report.
    least: u32,
    used: DashMap<String, u32, RandomState>,
    held: DashMap<String, Instant, RandomState>,
}

impl FleetLimits {
    /// `limiter` counts for all instances; a burst is what two seconds bring.
    pub fn new(limiter: Arc<dyn RateLimiter>, per_second: NonZeroU32) -> Self {
        Self {
            limiter,
            limit: Limit {
                permits: per_second.get().saturating_mul(2),
                window: Duration::from_secs(2),
            },
            least: per_second.get() / REPORTS_PER_SECOND / UNREPORTED,
            used: DashMap::default(),
            held: DashMap::default(),
        }
    }

    /// Counts a call. The error is how long to wait.
    pub fn count(&self, user: &str) -> Result<(), Duration> {
        if !self.held.is_empty()
            && let Some(until) = self.held.get(user).map(|until| *until)
        {
            let wait = until.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                return Err(wait);
            }
        }
        match self.used.get_mut(user) {
            Some(mut used) => *used = used.saturating_add(1),
            None => *self.used.entry(user.to_owned()).or_default() += 1,
        }
        Ok(())
    }

    /// Reports for ever.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(REPORT).await;
            self.report().await;
        }
    }

    async fn report(&self) {
        let now = Instant::now();
        self.held.retain(|_, until| *until > now);
        let mut used = Vec::new();
        self.used.retain(|user, count| {
            used.push((std::mem::take(count), user.clone()));
            false
        });
        used.retain(|(count, _)| *count >= self.least.max(1));
        let reports = used
            .into_iter()
            .map(|(count, user)| self.report_user(user, count));
        stream::iter(reports)
            .buffer_unordered(PARALLEL)
            .collect::<()>()
            .await;
    }

    async fn report_user(&self, user: String, count: u32) {
        let key = format!("user:{user}");
        let permits = count.min(self.limit.permits);
        // Without an answer the quota of this instance is what holds.
        if let Ok(Decision::Limited { retry_after }) =
            self.limiter.take(&key, self.limit, permits).await
        {
            self.held.insert(user, Instant::now() + retry_after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::MemoryLimiter;

    /// Two instances of one fleet that let a user do ten calls in a second.
    fn fleet() -> [FleetLimits; 2] {
        let limiter: Arc<dyn RateLimiter> = Arc::new(MemoryLimiter::default());
        let limit = NonZeroU32::new(10).expect("is not zero");
        [0, 1].map(|_| FleetLimits::new(limiter.clone(), limit))
    }

    fn passed(limits: &FleetLimits, user: &str, calls: usize) -> usize {
        (0..calls).filter(|_| limits.count(user).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_instance_let_through_is_missing_on_the_others() {
        let [first, second] = fleet();
        assert_eq!(passed(&first, "ann", 15), 15);
        first.report().await;
        assert_eq!(passed(&second, "ann", 15), 15, "nobody knows yet");
        assert_eq!(passed(&second, "bob", 1), 1);
        second.report().await;
        let wait = second.count("ann").expect_err("is held back");
        assert!(wait <= Duration::from_secs(4), "{wait:?}");
        assert_eq!(passed(&second, "bob", 1), 1, "others are not");
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(passed(&second, "ann", 1), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_to_the_quota_is_never_held_back() {
        let instances = fleet();
        for _ in 0..40 {
            for instance in &instances {
                assert_eq!(passed(instance, "ann", 1), 1);
                instance.report().await;
            }
            tokio::time::sleep(REPORT).await;
        }
    }
}
