//! Which channels this instance listens to: those of its connections, users and groups, each from
//! the first who needs it until the last.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use ahash::RandomState;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tracing::warn;

use crate::{redis::Subscriber, signalr::backplane::Subscribing};

/// Longer than Redis takes to confirm, or the service to notice that it is gone.
const LIMIT: Duration = Duration::from_secs(10);

/// The channels of one hub.
pub(super) struct Subscriptions {
    subscriber: Arc<Subscriber>,
    channels: Mutex<HashMap<String, Channel, RandomState>>,
}

struct Channel {
    /// How many need it.
    users: usize,
    /// Until Redis has confirmed it.
    subscribing: Option<Shared<BoxFuture<'static, ()>>>,
}

impl Subscriptions {
    pub fn new(subscriber: Subscriber) -> Self {
        Self {
            subscriber: Arc::new(subscriber),
            channels: Mutex::default(),
        }
    }

    /// Somebody needs these channels too. None: they are subscribed already.
    pub fn add(&self, names: Vec<String>) -> Option<Subscribing> {
        let mut channels = self.lock();
        let mut waits = Vec::new();
        let (known, new): (Vec<_>, Vec<_>) = names
            .into_iter()
            .partition(|name| channels.contains_key(name));
        for name in known {
            let channel = channels.get_mut(&name)?;
            channel.users += 1;
            waits.extend(channel.subscribing());
        }
        if !new.is_empty() {
            let subscribing = self.subscribe(new.clone());
            waits.extend(subscribing.clone());
            for name in new {
                let subscribing = subscribing.clone();
                channels.insert(
                    name,
                    Channel {
                        users: 1,
                        subscribing,
                    },
                );
            }
        }
        join(waits)
    }

    /// What somebody who needs the channel already must wait for.
    pub fn pending(&self, name: &str) -> Option<Subscribing> {
        let mut channels = self.lock();
        let subscribing = channels.get_mut(name)?.subscribing()?;
        Some(subscribing.boxed())
    }

    /// Somebody does not need these channels any more.
    pub fn remove(&self, names: Vec<String>) {
        let mut channels = self.lock();
        let unused = names.into_iter().filter(|name| {
            let Some(channel) = channels.get_mut(name) else {
                return false;
            };
            channel.users -= 1;
            let is_unused = channel.users == 0;
            if is_unused {
                channels.remove(name);
            }
            is_unused
        });
        let unused: Vec<String> = unused.collect();
        // Under the lock, so that Redis hears of it before a new user of the channel.
        if !unused.is_empty() {
            self.subscriber.unsubscribe(unused);
        }
    }

    /// Subscribes at once. None: it is confirmed, or must wait for Redis.
    fn subscribe(&self, names: Vec<String>) -> Option<Shared<BoxFuture<'static, ()>>> {
        let subscriber = self.subscriber.clone();
        let mut subscribing = async move {
            let first = names.first().cloned();
            let limited = tokio::time::timeout(LIMIT, subscriber.subscribe(names));
            if limited.await.is_err() {
                warn!(
                    channel = first,
                    "⚠️ A subscription is not confirmed, going on without"
                );
            }
        }
        .boxed();
        // The channels belong to the set with the first poll.
        match subscribing.poll_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => None,
            Poll::Pending => Some(subscribing.shared()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Channel, RandomState>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    fn subscribing(&mut self) -> Option<Shared<BoxFuture<'static, ()>>> {
        if self.subscribing.as_ref()?.peek().is_some() {
            self.subscribing = None;
        }
        self.subscribing.clone()
    }
}

fn join(mut waits: Vec<Shared<BoxFuture<'static, ()>>>) -> Option<Subscribing> {
    match waits.len() {
        0 => None,
        1 => Some(waits.remove(0).boxed()),
        _ => Some(futures_util::future::join_all(waits).map(drop).boxed()),
    }
}
