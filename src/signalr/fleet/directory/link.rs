//! Since when Redis answers, and so how much of the directory can be believed.

use std::time::SystemTime;

use tokio::time::Instant;

use super::SETTLING;

/// The connection to Redis, and since when it is so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub is_up: bool,
    pub since: (Instant, SystemTime),
    pub was_lost: bool,
}

impl Link {
    pub fn now(is_up: bool, was_lost: bool) -> Self {
        let since = (Instant::now(), SystemTime::now());
        Self {
            is_up,
            since,
            was_lost,
        }
    }

    /// Up for long enough that every instance has written its connections again; or the one in
    /// question is younger than that.
    pub fn knows_all_but(&self, issued: SystemTime) -> bool {
        self.is_up && (self.since.0.elapsed() >= SETTLING || issued >= self.since.1)
    }
}
