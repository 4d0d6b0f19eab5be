//! Whether anybody still has a connection: an instance that has it is subscribed to its channel.
//!
//! Redis drops the subscriptions of a process that died at once, of ours and of .NET alike. One
//! question per interval is asked for all channels that somebody waits on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::sleep,
};

use super::outgoing::Outgoing;
use crate::redis::RedisService;

/// How often is asked.
const INTERVAL: Duration = Duration::from_millis(500);
/// So many answers "nobody" in a row are believed.
const PROOF: u32 = 3;
/// After Redis came back instances need so long to subscribe again.
const SETTLED: Duration = Duration::from_secs(3);

/// The channels that somebody waits on.
#[derive(Default)]
pub(super) struct Presence {
    watched: Mutex<HashMap<String, Watched>>,
    added: Notify,
}

#[derive(Default)]
struct Watched {
    /// Answers "nobody" in a row.
    absent: u32,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Presence {
    /// Ends when nobody is subscribed to the channel any more.
    pub async fn gone(&self, channel: String) {
        let (tell, gone) = oneshot::channel();
        self.lock().entry(channel).or_default().waiting.push(tell);
        self.added.notify_one();
        if gone.await.is_err() {
            std::future::pending().await
        }
    }

    /// Asks, as long as somebody waits.
    pub async fn run(self: Arc<Self>, redis: RedisService, outgoing: Arc<Outgoing>) {
        loop {
            let channels = self.channels();
            if channels.is_empty() {
                self.added.notified().await;
                continue;
            }
            sleep(INTERVAL).await;
            let settled = outgoing
                .open_since()
                .is_some_and(|since| since.elapsed() >= SETTLED);
            let counts = redis.pub_sub().subscriber_counts(&channels).await;
            match counts {
                Ok(counts) if settled => self.counted(channels.into_iter().zip(counts)),
                _ => self.unknown(),
            }
        }
    }

    /// The channels that somebody still waits on.
    fn channels(&self) -> Vec<String> {
        let mut watched = self.lock();
        watched.retain(|_, it| {
            it.waiting.retain(|waiting| !waiting.is_closed());
            !it.waiting.is_empty()
        });
        watched.keys().cloned().collect()
    }

    fn counted(&self, counts: impl Iterator<Item = (String, u64)>) {
        let mut watched = self.lock();
        for (channel, count) in counts {
            let Some(it) = watched.get_mut(&channel) else {
                continue;
            };
            it.absent = if count == 0 { it.absent + 1 } else { 0 };
            if it.absent >= PROOF
                && let Some(it) = watched.remove(&channel)
            {
                for waiting in it.waiting {
                    let _ = waiting.send(());
                }
            }
        }
    }

    fn unknown(&self) {
        for it in self.lock().values_mut() {
            it.absent = 0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
