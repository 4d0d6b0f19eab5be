//! How much a user and a connection may do: calls in a second, open connections.
//!
//! A quota fills up evenly and holds what two seconds bring, so that a burst after a pause passes.
//! Where everyone may say who they are, a user is only a claim, and only connections are limited.

use std::{
    num::NonZeroU32,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ahash::RandomState;
use dashmap::{DashMap, Entry};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};

use super::fleet_limits::FleetLimits;
use crate::{
    problem::{Code, Problem},
    redis,
    settings::LimitSettings,
    signalr::{
        connection::{ConnectionId, User},
        hub::{Admission, Admitted, HubResult},
    },
};

const OF_USER: &str = "this user calls too often";
/// How often what idle users and ended connections left behind is forgotten.
const SWEEP: Duration = Duration::from_secs(60);

type Keyed<K> = RateLimiter<
    K,
    DashMapStateStore<K, RandomState>,
    DefaultClock,
    NoOpMiddleware<<DefaultClock as Clock>::Instant>,
>;

/// Counts calls and connections. Clones count together.
#[derive(Clone, Default)]
pub struct Limits {
    users: Option<Arc<Keyed<String>>>,
    connections: Option<Arc<Keyed<ConnectionId>>>,
    fleet: Arc<OnceLock<FleetLimits>>,
    per_user: Option<NonZeroU32>,
    open: Arc<DashMap<String, u32, RandomState>>,
    most_open: Option<NonZeroU32>,
}

impl Limits {
    /// `users_are_known`: whether a user is who they say.
    pub fn new(settings: LimitSettings, users_are_known: bool) -> Self {
        let of_users = |limit: Option<NonZeroU32>| limit.filter(|_| users_are_known);
        Self {
            users: of_users(settings.calls_per_user).map(keyed),
            connections: settings.calls_per_connection.map(keyed),
            fleet: Arc::default(),
            per_user: of_users(settings.calls_per_user),
            open: Arc::default(),
            most_open: of_users(settings.connections_per_user),
        }
    }

    /// Counts a call of a user. The error says how long to wait.
    pub fn count_call(&self, user: &str) -> Result<(), Problem> {
        match &self.users {
            Some(users) => self.count_user(users, &user.to_owned()),
            None => Ok(()),
        }
    }

    /// Counts a user's calls over all instances from now on, for ever. Once only.
    pub async fn share_through(&self, limiter: Arc<dyn redis::RateLimiter>) {
        if let Some(limit) = self.per_user {
            let fleet = self.fleet.get_or_init(|| FleetLimits::new(limiter, limit));
            fleet.run().await;
        }
    }

    fn count_user(&self, users: &Keyed<String>, user: &String) -> Result<(), Problem> {
        check(users, user, OF_USER)?;
        match self.fleet.get() {
            Some(fleet) => fleet.count(user).map_err(|wait| limited(OF_USER, wait)),
            None => Ok(()),
        }
    }

    /// Forgets those who have not called for a while, for ever.
    pub async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            if let Some(users) = &self.users {
                users.retain_recent();
                users.shrink_to_fit();
            }
            if let Some(connections) = &self.connections {
                connections.retain_recent();
                connections.shrink_to_fit();
            }
        }
    }

    fn count_connection(&self, user: &User) -> Result<Open, Problem> {
        let mut open = self.open.entry(user.id.clone()).or_default();
        let is_full = self.most_open.is_some_and(|most| *open >= most.get());
        if is_full {
            let message = format!("this user has {} connections already", *open);
            return Err(Problem::new(Code::RateLimited, message));
        }
        *open += 1;
        drop(open);
        Ok(Open {
            counts: self.open.clone(),
            user: user.id.clone(),
        })
    }
}

impl Admission for Limits {
    fn connect(&self, user: Option<&User>) -> HubResult<Admitted> {
        match user {
            Some(user) if self.most_open.is_some() => Ok(Box::new(self.count_connection(user)?)),
            _ => Ok(Box::new(())),
        }
    }

    fn call(&self, connection: &ConnectionId, user: Option<&User>) -> HubResult<()> {
        if let Some(connections) = &self.connections {
            check(connections, connection, "this connection calls too often")?;
        }
        if let (Some(users), Some(user)) = (&self.users, user) {
            self.count_user(users, &user.id)?;
        }
        Ok(())
    }
}

/// One counted connection.
struct Open {
    counts: Arc<DashMap<String, u32, RandomState>>,
    user: String,
}

impl Drop for Open {
    fn drop(&mut self) {
        let Entry::Occupied(mut open) = self.counts.entry(std::mem::take(&mut self.user)) else {
            return;
        };
        *open.get_mut() -= 1;
        if *open.get() == 0 {
            open.remove();
        }
    }
}

fn keyed<K: std::hash::Hash + Eq + Clone>(per_second: NonZeroU32) -> Arc<Keyed<K>> {
    let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
    let quota = Quota::per_second(per_second).allow_burst(burst);
    Arc::new(RateLimiter::dashmap_with_hasher(quota, RandomState::new()))
}

fn check<K: std::hash::Hash + Eq + Clone>(
    limiter: &Keyed<K>,
    key: &K,
    message: &str,
) -> Result<(), Problem> {
    limiter
        .check_key(key)
        .map_err(|not_until| limited(message, not_until.wait_time_from(limiter.clock().now())))
}

fn limited(message: &str, wait: Duration) -> Problem {
    let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    Problem::new(Code::RateLimited, message).with("retryAfterMs", milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(users_are_known: bool) -> Limits {
        let settings = LimitSettings {
            calls_per_user: NonZeroU32::new(10),
            calls_per_connection: NonZeroU32::new(5),
            connections_per_user: NonZeroU32::new(2),
        };
        Limits::new(settings, users_are_known)
    }

    /// How many of a hundred calls made at once pass; a slow machine lets a few more.
    fn passed(limits: &Limits, connection: &str, user: &User) -> usize {
        let connection = ConnectionId::from(connection);
        let calls = (0..100).map(|_| limits.call(&connection, Some(user)));
        calls.filter(Result::is_ok).count()
    }

    #[test]
    fn a_connection_has_a_share_of_what_its_user_has() {
        let (limits, ann, bob) = (limits(true), User::new("ann"), User::new("bob"));
        assert!((10..15).contains(&passed(&limits, "a", &ann)));
        assert!((10..15).contains(&passed(&limits, "b", &ann)));
        assert!(
            passed(&limits, "c", &ann) < 5,
            "the user's quota is used up"
        );
        assert!(passed(&limits, "d", &bob) >= 10, "another user's is not");
        let refused = limits.count_call("ann").expect_err("is used up");
        assert_eq!(refused.code, Code::RateLimited);
        let wait = refused.details["retryAfterMs"].as_u64();
        assert!(
            wait.is_some_and(|wait| (1..=1000).contains(&wait)),
            "{wait:?}"
        );
    }

    #[test]
    fn a_user_has_so_many_connections_at_a_time() {
        let (limits, ann) = (limits(true), User::new("ann"));
        let first = limits.connect(Some(&ann)).expect("is the first");
        let _second = limits.connect(Some(&ann)).expect("is the second");
        let refused = limits.connect(Some(&ann)).expect_err("is too many");
        assert!(refused.message().contains("rate_limited"), "{refused}");
        assert!(limits.connect(Some(&User::new("bob"))).is_ok());
        drop(first);
        assert!(limits.connect(Some(&ann)).is_ok());
        assert_eq!(limits.open.len(), 1, "who has none is not kept");
    }

    #[test]
    fn a_user_that_is_only_a_claim_is_not_counted() {
        let (limits, ann) = (limits(false), User::new("ann"));
        let held: Vec<_> = (0..10).map(|_| limits.connect(Some(&ann))).collect();
        assert!(held.iter().all(Result::is_ok));
        assert!((0..1000).all(|_| limits.count_call("ann").is_ok()));
        assert!((10..15).contains(&passed(&limits, "a", &ann)));
    }
}
