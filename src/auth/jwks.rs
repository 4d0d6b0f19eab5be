//! Public keys fetched by address (RFC 7517), for identity providers that change them.
//!
//! The keys are fetched in the background and again every ten minutes; a token with an unknown key
//! id has them fetched at once, but not more often than every five seconds. While the provider does
//! not answer, the keys last seen stay good.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::key_set::{FetchError, Key};

/// How old keys may become.
const REFRESH: Duration = Duration::from_secs(600);
/// After a failure, doubled up to the second.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// Between two fetches because of unknown key ids, which anybody can send.
const LEAST_INTERVAL: Duration = Duration::from_secs(5);
/// How long a token with an unknown key id waits for the keys.
const PATIENCE: Duration = Duration::from_secs(3);

/// The keys last seen, and who waits for newer ones.
#[derive(Default)]
pub struct Jwks {
    keys: RwLock<Arc<[Key]>>,
    wanted: Notify,
    /// When the last fetch ended, well or badly.
    fetched: watch::Sender<Option<Instant>>,
}

impl Jwks {
    /// The keys that may verify a token with this algorithm and key id. Unknown ones are fetched.
    pub async fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Vec<DecodingKey> {
        let known = self.known(algorithm, id);
        if !known.is_empty() {
            return known;
        }
        self.fetch_soon().await;
        self.known(algorithm, id)
    }

    /// Whether there was ever an answer with a usable key.
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// Fetches for ever.
    pub async fn run(&self, mut fetch: impl AsyncFnMut() -> Result<Vec<Key>, FetchError>) {
        let mut retry = RETRY;
        loop {
            let pause = match fetch().await {
                Ok(keys) => {
                    tracing::debug!(keys = keys.len(), "The keys of Authentication:Jwt:JwksUrl");
                    self.replace(keys);
                    retry = RETRY;
                    REFRESH
                }
                Err(error) => {
                    let known = self.all().len();
                    tracing::warn!(known, "⚠️ Authentication:Jwt:JwksUrl: {error}");
                    retry = (retry * 2).min(LONGEST_RETRY);
                    retry / 2
                }
            };
            let ended = Instant::now();
            self.fetched.send_replace(Some(ended));
            let wanted = async {
                sleep_until(ended + LEAST_INTERVAL).await;
                self.wanted.notified().await;
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = wanted => {}
            }
        }
    }

    pub fn replace(&self, keys: Vec<Key>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }

    fn all(&self) -> Arc<[Key]> {
        let keys = self.keys.read();
        keys.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn known(&self, algorithm: Algorithm, id: Option<&str>) -> Vec<DecodingKey> {
        let keys = self.all();
        let fits = |key: &&Key| {
            let same_id = id.is_none() || key.id.is_none() || key.id.as_deref() == id;
            key.algorithm == algorithm && same_id
        };
        keys.iter()
            .filter(fits)
            .map(|key| key.key.clone())
            .collect()
    }

    /// Asks for a fetch and waits until it has ended, unless the last one was just now.
    async fn fetch_soon(&self) {
        let mut fetched = self.fetched.subscribe();
        let last = *fetched.borrow_and_update();
        if last.is_some_and(|at| at.elapsed() < LEAST_INTERVAL) {
            return;
        }
        self.wanted.notify_one();
        // Too late is as good as not at all: the token is refused and its bearer tries again.
        let _ = timeout(PATIENCE, fetched.changed()).await;
    }
}

#[cfg(test)]
#[path = "tests/jwks.rs"]
mod tests;
