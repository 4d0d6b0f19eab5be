//! The two ends that others hold: a set of channels, and what arrives on them.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    queue::{Queue, Received},
    registry::Registry,
};

/// How far a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// Redis confirmed: whatever is published from now on arrives.
    Confirmed,
    /// There is no connection. The channels are part of the set and are subscribed with the next.
    Pending,
}

/// A set of channels. Dropping it unsubscribes from all of them and ends its [`Receiver`].
pub struct Subscriber {
    registry: Arc<Registry>,
    queue: Arc<Queue>,
    channels: Mutex<HashSet<Arc<str>>>,
}

/// Where the messages of a [`Subscriber`] arrive.
pub struct Receiver {
    queue: Arc<Queue>,
}

pub(super) fn pair(registry: Arc<Registry>) -> (Subscriber, Receiver) {
    let queue = registry.queue();
    let receiver = Receiver {
        queue: queue.clone(),
    };
    let subscriber = Subscriber {
        registry,
        queue,
        channels: Mutex::default(),
    };
    (subscriber, receiver)
}

impl Subscriber {
    /// Adds channels. They belong to the set at once, also if the future is dropped; it resolves
    /// when Redis confirmed, or immediately while there is no connection. The first connection of
    /// all is waited for until the first attempt has failed, at most two seconds.
    pub async fn subscribe(&self, channels: Vec<String>) -> Subscribed {
        let names: Vec<Arc<str>> = channels.into_iter().map(Arc::from).collect();
        self.own(|own| own.extend(names.iter().cloned()));
        match self.registry.add(&self.queue, names) {
            Some(confirmed) => confirmed.await.unwrap_or(Subscribed::Pending),
            None => Subscribed::Pending,
        }
    }

    /// Removes channels. What has arrived already is still received.
    pub fn unsubscribe(&self, channels: Vec<String>) {
        let mut gone = Vec::with_capacity(channels.len());
        self.own(|own| gone.extend(channels.iter().filter_map(|name| own.take(name.as_str()))));
        self.registry.remove(&self.queue, &gone);
    }

    fn own(&self, change: impl FnOnce(&mut HashSet<Arc<str>>)) {
        change(&mut self.channels.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut channels = HashSet::new();
        self.own(|own| channels = std::mem::take(own));
        self.registry.remove(&self.queue, &channels);
        self.queue.close();
    }
}

impl Receiver {
    /// The next message; `None` after the subscriber is gone and everything was received.
    pub async fn recv(&mut self) -> Option<Received> {
        self.queue.pop().await
    }
}
