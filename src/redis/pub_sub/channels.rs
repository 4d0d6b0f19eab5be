//! Which channels are wanted, by whom, and which of them Redis has been told of.
//!
//! The first who wants a channel subscribes, the last who leaves unsubscribes. Nobody talks to
//! Redis here: changed channels are noted, and [`subscriptions`](super::subscriptions) takes them.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use ahash::RandomState;
use tokio::sync::oneshot;

use super::{queue::Queue, subscriber::Subscribed};

/// All that is known. Its owner says when something has changed.
#[derive(Default)]
pub(super) struct Channels {
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

impl Channels {
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub fn add(&mut self, queue: &Arc<Queue>, name: Arc<str>) {
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

    pub fn remove(&mut self, queue: &Arc<Queue>, name: &Arc<str>) {
        let Some(channel) = self.by_name.get_mut(name) else {
            return;
        };
        channel.receivers.retain(|known| !Arc::ptr_eq(known, queue));
        if channel.receivers.is_empty() {
            self.changed.insert(name.clone());
        }
    }

    /// A new connection has no subscriptions: everything wanted is to be told.
    pub fn connected(&mut self) {
        self.link = Link::Up;
        self.forget_subscriptions();
    }

    /// Whoever waits is told that it will take longer.
    pub fn disconnected(&mut self) {
        self.link = Link::Down;
        for (_, waiter) in self.waiters.drain(..) {
            let _ = waiter.send(Subscribed::Pending);
        }
    }

    /// Nobody waits for the first connection any longer.
    pub fn is_late(&mut self) {
        if self.link == Link::First {
            self.disconnected();
        }
    }

    /// The connection was only silent: what was subscribed still is.
    pub fn answers(&mut self) {
        self.link = Link::Up;
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
    pub fn waiter(&mut self) -> Option<oneshot::Receiver<Subscribed>> {
        let (confirm, confirmed) = oneshot::channel();
        (self.link != Link::Down).then(|| {
            self.last_waiter += 1;
            self.waiters.push_back((self.last_waiter, confirm));
            confirmed
        })
    }

    /// Redis has read what was taken for the waiters up to this number.
    pub fn confirm(&mut self, last_waiter: u64) {
        let rest = self
            .waiters
            .partition_point(|(number, _)| *number <= last_waiter);
        for (_, waiter) in self.waiters.drain(..rest) {
            let _ = waiter.send(Subscribed::Confirmed);
        }
    }

    pub fn take_changes(&mut self) -> Changes {
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

    /// Who gets what is published on a channel.
    pub fn receivers(&self, name: &str) -> Option<(&Arc<str>, &[Arc<Queue>])> {
        let (name, channel) = self.by_name.get_key_value(name)?;
        Some((name, &channel.receivers))
    }

    /// Nobody wants anything any more.
    pub fn close(&mut self) {
        self.closed = true;
        for queue in self.queues() {
            queue.close();
        }
        self.changed = self.by_name.keys().cloned().collect();
        for channel in self.by_name.values_mut() {
            channel.receivers.clear();
        }
    }

    /// Those of everybody who receives something.
    pub fn queues(&self) -> Vec<Arc<Queue>> {
        let mut queues: Vec<Arc<Queue>> = Vec::new();
        for queue in self.by_name.values().flat_map(|channel| &channel.receivers) {
            if !queues.iter().any(|known| Arc::ptr_eq(known, queue)) {
                queues.push(queue.clone());
            }
        }
        queues
    }
}
