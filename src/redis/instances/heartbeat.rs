//! Staying alive, and hearing who does not.

use std::{
    sync::{PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};

use super::{CallError, InstanceId, Instances, roster::News};
use crate::redis::{RedisError, State};

const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long an instance that lost its subscriptions lives on without them.
const DEAF: Duration = Duration::from_secs(5);

impl Instances {
    /// A heartbeat twice a second, and at once when the connection has changed. An instance that
    /// has not heard its questions for a while is not alive.
    pub(super) async fn beat(this: Weak<Self>, mut states: watch::Receiver<State>) {
        let mut known_refusal = None;
        let mut heard: Option<Instant> = None;
        while let Some(this) = this.upgrade() {
            let state = states.borrow_and_update().clone();
            match state {
                State::Up => heard = Some(Instant::now()),
                State::Down { .. } => this.calls.fail(None, CallError::Unavailable),
                State::Connecting | State::Restoring => {}
            }
            if heard.is_some_and(|heard| heard.elapsed() < DEAF) {
                let refusal = this.beat_once().await;
                if let Some(reason) = refusal.as_ref().filter(|_| refusal != known_refusal) {
                    tracing::warn!("⚠️ This instance cannot join the fleet: {reason}");
                }
                known_refusal = refusal;
            }
            drop(this);
            tokio::select! {
                () = sleep(HEARTBEAT) => {}
                _ = states.changed() => {}
            }
        }
    }

    /// Why Redis refused, if it did: missing rights, most likely.
    async fn beat_once(&self) -> Option<String> {
        match self.membership.beat(&(self.describe)()).await {
            Ok(beat) => {
                let news = self.roster().update(beat, Instant::now());
                self.tell(news);
                None
            }
            Err(RedisError::Refused(reason)) => Some(reason),
            // The connection is lost; whoever keeps it says so.
            Err(_) => None,
        }
    }

    pub(super) fn has_left(&self, name: &[u8]) {
        let Ok(name) = std::str::from_utf8(name) else {
            return;
        };
        let id = InstanceId::new(name);
        if self.roster().remove(&id) {
            self.tell(News {
                dead: vec![id],
                was_forgotten: false,
            });
        }
    }

    fn tell(&self, news: News) {
        for id in news.dead {
            self.calls.fail(Some(&id), CallError::Gone);
            for call in read(&self.on_death) {
                call(id.clone());
            }
        }
        if news.was_forgotten {
            for call in read(&self.on_forgotten) {
                call();
            }
        }
    }
}

/// The calls as they are now, so that none is made while the list is locked.
fn read<T: Clone>(calls: &RwLock<Vec<T>>) -> Vec<T> {
    calls.read().unwrap_or_else(PoisonError::into_inner).clone()
}
