//! Which channels are wanted, by whom, and which of them Redis has confirmed.
//!
//! The first who wants a channel subscribes, the last who leaves unsubscribes. Nobody talks to
//! Redis here: changed channels are noted, and [`subscriptions`](super::subscriptions) takes them.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use ahash::RandomState;
use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::{queue::Queue, subscriber::Subscribed};
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

#[derive(Default)]
struct Channels {
    by_name: HashMap<Arc<str>, Channel, RandomState>,
    /// Channels whose subscription in Redis may not be what is wanted.
    changed: HashSet<Arc<str>, RandomState>,
    /// Numbered, the oldest first.
    waiters: VecDeque<(u64, oneshot::Sender<Subscribed>)>,
    last_waiter: u64,
    last_channel: u64,
    link: Link,
    /// Nothing is subscribed any more.
    closed: bool,
}

/// The connection that subscriptions are made on.
#[derive(Default, PartialEq, Eq)]
enum Link {
    /// It is made for the first time, which takes a moment: whoever subscribes waits for it.
    #[default]
    First,
    Up,
    Down,
}

#[derive(Default)]
struct Channel {
    receivers: Vec<Arc<Queue>>,
    /// In the order in which channels were first wanted.
    number: u64,
    /// Redis has it, or is being told.
    subscribed: bool,
}

/// What Redis is to be told next.
pub(super) struct Changes {
    /// The oldest last. What an instance has listened to since its start shows to others, who count
    /// subscribers, that it hears everything again.
    pub subscribe: Vec<Arc<str>>,
    pub unsubscribe: Vec<Arc<str>>,
    /// Whoever waits up to this number waits for these changes.
    pub last_waiter: u64,
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
        if channels.closed {
            return None;
        }
        for name in names {
            channels.add(queue, name);
        }
        channels.waiter(&self.changed)
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
        let mut channels = self.lock();
        channels.link = Link::Up;
        channels.forget_subscriptions();
        drop(channels);
        self.changed.notify_one();
    }

    /// Whoever waits is told that it will take longer.
    pub fn disconnected(&self) {
        self.lock().disconnected();
    }

    /// Nobody waits for the first connection any longer.
    pub fn is_late(&self) {
        let mut channels = self.lock();
        if channels.link == Link::First {
            channels.disconnected();
        }
    }

    /// The connection was silent for a while, and answers as if nothing had been.
    pub fn answers(&self) {
        self.lock().link = Link::Up;
    }

    /// Redis has read what was taken for the waiters up to this number.
    pub fn confirm(&self, last_waiter: u64) {
        let mut channels = self.lock();
        let rest = channels
            .waiters
            .partition_point(|(number, _)| *number <= last_waiter);
        for (_, waiter) in channels.waiters.drain(..rest) {
            let _ = waiter.send(Subscribed::Confirmed);
        }
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
        let Some((name, channel)) = channels.by_name.get_key_value(name) else {
            return;
        };
        for queue in &channel.receivers {
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
        channels.closed = true;
        for queue in channels.queues() {
            queue.close();
        }
        channels.changed = channels.by_name.keys().cloned().collect();
        for channel in channels.by_name.values_mut() {
            channel.receivers.clear();
        }
        channels.waiter(&self.changed)
    }

    fn lock(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channels {
    fn add(&mut self, queue: &Arc<Queue>, name: Arc<str>) {
        self.last_channel += 1;
        let number = self.last_channel;
        let channel = self.by_name.entry(name.clone()).or_insert_with(|| Channel {
            number,
            ..Channel::default()
        });
        if !channel
            .receivers
            .iter()
            .any(|known| Arc::ptr_eq(known, queue))
        {
            channel.receivers.push(queue.clone());
        }
        if !channel.subscribed {
            self.changed.insert(name);
        }
    }

    fn remove(&mut self, queue: &Arc<Queue>, name: &Arc<str>) {
        let Some(channel) = self.by_name.get_mut(name) else {
            return;
        };
        channel.receivers.retain(|known| !Arc::ptr_eq(known, queue));
        if channel.receivers.is_empty() {
            self.changed.insert(name.clone());
        }
    }

    fn disconnected(&mut self) {
        self.link = Link::Down;
        for (_, waiter) in self.waiters.drain(..) {
            let _ = waiter.send(Subscribed::Pending);
        }
    }

    fn forget_subscriptions(&mut self) {
        self.by_name
            .retain(|_, channel| !channel.receivers.is_empty());
        self.changed = self.by_name.keys().cloned().collect();
        for channel in self.by_name.values_mut() {
            channel.subscribed = false;
        }
    }

    /// Resolves when Redis has been told what has changed so far.
    fn waiter(&mut self, changed: &Notify) -> Option<oneshot::Receiver<Subscribed>> {
        changed.notify_one();
        let (confirm, confirmed) = oneshot::channel();
        (self.link != Link::Down).then(|| {
            self.last_waiter += 1;
            self.waiters.push_back((self.last_waiter, confirm));
            confirmed
        })
    }

    fn take_changes(&mut self) -> Changes {
        let mut subscribe = Vec::new();
        let mut changes = Changes {
            subscribe: Vec::new(),
            unsubscribe: Vec::new(),
            last_waiter: self.last_waiter,
        };
        for name in std::mem::take(&mut self.changed) {
            let Some(channel) = self.by_name.get_mut(&name) else {
                continue;
            };
            let wanted = !channel.receivers.is_empty();
            match (wanted, std::mem::replace(&mut channel.subscribed, wanted)) {
                (true, false) => subscribe.push((channel.number, name)),
                (false, subscribed) => {
                    self.by_name.remove(&name);
                    if subscribed {
                        changes.unsubscribe.push(name);
                    }
                }
                (true, true) => {}
            }
        }
        subscribe.sort_unstable_by_key(|(number, _)| Reverse(*number));
        changes.subscribe = subscribe.into_iter().map(|(_, name)| name).collect();
        changes
    }

    fn queues(&self) -> Vec<Arc<Queue>> {
        let mut queues: Vec<Arc<Queue>> = Vec::new();
        for queue in self.by_name.values().flat_map(|channel| &channel.receivers) {
            if !queues.iter().any(|known| Arc::ptr_eq(known, queue)) {
                queues.push(queue.clone());
            }
        }
        queues
    }
}
