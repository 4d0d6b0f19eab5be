//! The way of an event from the one who wrote it to those who watch: one queue, one task.
//!
//! Writers put events in while they hold the lock of their bot or backtest, so the queue's order is
//! each one's order. One task takes them out, finds who watches, and sends. Nobody else sends
//! events, which is what makes the promises of [`super::audience`] simple.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::sync::{Mutex, Notify, mpsc};

use super::audience::{Audience, Event, Gate};
use super::ids::Id;

/// Events that may wait before reporters are made to wait too. Bounds the queue together with the
/// most events per report.
const MAXIMUM_WAITING: usize = 20_000;

enum Item {
    Event {
        topics: SmallVec<[Id; 2]>,
        everyone: bool,
        event: Event,
    },
    Open(Arc<Gate>),
}

/// One encoded event and the connections that get it.
#[derive(Debug, PartialEq)]
pub struct Delivery {
    pub connections: Vec<Id>,
    pub target: &'static str,
    pub body: Bytes,
}

/// The queue and those who watch.
pub struct Delivering {
    pub audience: Audience,
    sender: mpsc::UnboundedSender<Item>,
    receiver: Mutex<mpsc::UnboundedReceiver<Item>>,
    waiting: AtomicUsize,
    room: Notify,
    order: AtomicU64,
}

impl Default for Delivering {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            audience: Audience::default(),
            sender,
            receiver: Mutex::new(receiver),
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
            order: AtomicU64::new(1),
        }
    }
}

impl Delivering {
    /// Waits while too much is waiting already. Call it before a report, without any lock.
    pub async fn room(&self) {
        while self.waiting.load(Ordering::Relaxed) > MAXIMUM_WAITING {
            let notified = self.room.notified();
            if self.waiting.load(Ordering::Relaxed) > MAXIMUM_WAITING {
                notified.await;
            }
        }
    }

    /// The next event's order. Call it with the lock of the bot or backtest held.
    pub fn next_order(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends an event to the viewers of `topics` and, if `everyone`, of everything.
    pub fn push(&self, topics: SmallVec<[Id; 2]>, everyone: bool, event: Event) {
        self.put(Item::Event {
            topics,
            everyone,
            event,
        });
    }

    /// Lets a viewer's events through, once the answer to its subscription has left.
    pub fn open(&self, gate: Arc<Gate>) {
        self.put(Item::Open(gate));
    }

    /// Delivers for ever. `send` gets what each event reaches, in order.
    pub async fn run<F: Future<Output = ()>>(&self, mut send: impl FnMut(Delivery) -> F) {
        let mut receiver = self.receiver.lock().await;
        while let Some(item) = receiver.recv().await {
            for delivery in self.deliveries(item) {
                send(delivery).await;
            }
            if self.waiting.fetch_sub(1, Ordering::Relaxed) == MAXIMUM_WAITING / 2 {
                self.room.notify_waiters();
            }
        }
    }

    fn put(&self, item: Item) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The receiver lives as long as we do.
        let _ = self.sender.send(item);
    }

    fn deliveries(&self, item: Item) -> Vec<Delivery> {
        match item {
            Item::Open(gate) => {
                let connection = &gate.connection;
                let waited = gate.open().into_iter();
                waited
                    .map(|event| Delivery {
                        connections: vec![connection.clone()],
                        target: event.target,
                        body: event.body,
                    })
                    .collect()
            }
            Item::Event {
                topics,
                everyone,
                event,
            } => {
                let connections = self.audience.recipients(&topics, everyone, &event);
                if connections.is_empty() {
                    return Vec::new();
                }
                vec![Delivery {
                    connections,
                    target: event.target,
                    body: event.body,
                }]
            }
        }
    }

    /// Everything that waits, delivered now.
    #[cfg(test)]
    pub fn drain(&self) -> Vec<Delivery> {
        let mut receiver = self.receiver.try_lock().expect("nobody else delivers");
        let mut deliveries = Vec::new();
        while let Ok(item) = receiver.try_recv() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            deliveries.extend(self.deliveries(item));
        }
        deliveries
    }
}
