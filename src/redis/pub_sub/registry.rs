//! The channels of the process, shared by those who want them, the task that makes Redis agree and
//! the one that carries messages. What is known of each is in [`channels`](super::channels).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::{
    channels::{Changes, Channels},
    queue::Queue,
    subscriber::Subscribed,
};
use crate::redis::numbers::Numbers;

/// All channels of the process.
pub(super) struct Registry {
    prefix: Arc<str>,
    channels: Mutex<Channels>,
    changed: Notify,
    numbers: Arc<Numbers>,
    /// Those of all subscribers, for whoever asks how much waits.
    queues: Mutex<Vec<Weak<Queue>>>,
}

impl Registry {
    pub fn new(prefix: &str, numbers: Arc<Numbers>) -> Self {
        Self {
            prefix: prefix.into(),
            channels: Mutex::default(),
            changed: Notify::new(),
            numbers,
            queues: Mutex::default(),
        }
    }

    /// A queue for one more subscriber.
    pub fn queue(&self) -> Arc<Queue> {
        let queue = Arc::new(Queue::new());
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| queue.strong_count() > 0);
        queues.push(Arc::downgrade(&queue));
        queue
    }

    /// Bytes that were received and wait for their subscribers.
    pub fn queued_bytes(&self) -> usize {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = queues.iter().filter_map(Weak::upgrade);
        queues.map(|queue| queue.bytes()).sum()
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// `queue` receives these channels too. Resolves when Redis has confirmed, or when it takes
    /// longer; `None` while there is no connection.
    pub fn add(
        &self,
        queue: &Arc<Queue>,
        names: Vec<Arc<str>>,
    ) -> Option<oneshot::Receiver<Subscribed>> {
        let mut channels = self.lock();
        if channels.is_closed() {
            return None;
        }
        for name in names {
            channels.add(queue, name);
        }
        self.changed.notify_one();
        channels.waiter()
    }

    pub fn remove<'a>(&self, queue: &Arc<Queue>, names: impl IntoIterator<Item = &'a Arc<str>>) {
        let mut channels = self.lock();
        for name in names {
            channels.remove(queue, name);
        }
        drop(channels);
        self.changed.notify_one();
    }

    /// Waits until [`Registry::take_changes`] has something.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A new connection has no subscriptions: everything wanted is to be told.
    pub fn connected(&self) {
        self.lock().connected();
        self.changed.notify_one();
    }

    /// Whoever waits is told that it will take longer.
    pub fn disconnected(&self) {
        self.lock().disconnected();
    }

    /// Nobody waits for the first connection any longer.
    pub fn is_late(&self) {
        self.lock().is_late();
    }

    /// The connection was silent for a while, and answers as if nothing had been.
    pub fn answers(&self) {
        self.lock().answers();
    }

    /// Redis has read what was taken for the waiters up to this number.
    pub fn confirm(&self, last_waiter: u64) {
        self.lock().confirm(last_waiter);
    }

    pub fn take_changes(&self) -> Changes {
        self.lock().take_changes()
    }

    /// Gives a message to all receivers of its channel. `name` has the prefix.
    pub fn deliver(&self, name: &str, payload: &Bytes) {
        let Some(name) = name.strip_prefix(&*self.prefix) else {
            return;
        };
        let channels = self.lock();
        let Some((name, receivers)) = channels.receivers(name) else {
            return;
        };
        for queue in receivers {
            if !queue.push(name.clone(), payload.clone()) {
                self.numbers.lost.add(1);
            }
        }
    }

    /// Messages of unknown channels are missing.
    pub fn lose(&self, count: u64) {
        self.numbers.lost.add(count);
        for queue in self.lock().queues() {
            queue.lose(count);
        }
    }

    /// Nobody wants anything any more: every receiver comes to its end. Resolves when Redis knows.
    pub fn close(&self) -> Option<oneshot::Receiver<Subscribed>> {
        let mut channels = self.lock();
        channels.close();
        self.changed.notify_one();
        channels.waiter()
    }

    fn lock(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
