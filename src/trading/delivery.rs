//! The way of an event from the one who wrote it to those who watch: one queue, one task.
//!
//! Writers put events in while they hold the lock of their bot or backtest, so the queue's order is
//! each one's order. One task takes them out, finds who watches, and sends. Nobody else sends
//! events, which is what makes the promises of [`super::audience`] simple.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use smallvec::SmallVec;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::{coop::Unconstrained, coop::unconstrained};

use super::audience::{Audience, Event, Gate};
use super::ids::Id;

/// Events that may wait before reporters are made to wait too. Bounds the queue together with the
/// most events per report.
const MAXIMUM_WAITING: usize = 20_000;

/// Events that may be on their way to their connections' threads at a time.
const MAXIMUM_UNDER_WAY: usize = 64;

enum Item {
    Event {
        topics: SmallVec<[Id; 2]>,
        everyone: bool,
        event: Event,
    },
    Open(Arc<Gate>),
    /// Answered when everything before it is where it belongs.
    Barrier(oneshot::Sender<()>),
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

    /// Waits until everything that was written before has reached its connections.
    pub async fn barrier(&self) {
        let (reached, wait) = oneshot::channel();
        self.put(Item::Barrier(reached));
        let _ = wait.await;
    }

    /// Delivers for ever. `send` gets what each event reaches, in order; its future is polled once
    /// before the next one is made, and must have taken its place in line by then.
    pub async fn run<F: Future<Output = ()>>(&self, mut send: impl FnMut(Delivery) -> F) {
        let mut receiver = self.receiver.lock().await;
        let mut under_way: FuturesUnordered<Pin<Box<Unconstrained<F>>>> = FuturesUnordered::new();
        loop {
            let item = tokio::select! {
                biased;
                Some(()) = under_way.next() => continue,
                item = receiver.recv(), if under_way.len() < MAXIMUM_UNDER_WAY => item,
            };
            match item {
                None => return,
                Some(Item::Barrier(reached)) => {
                    while under_way.next().await.is_some() {}
                    let _ = reached.send(());
                }
                Some(item) => {
                    for delivery in self.deliveries(item) {
                        // Out of turn it would lose its place in line.
                        let mut sent = Box::pin(unconstrained(send(delivery)));
                        if futures_util::poll!(&mut sent).is_pending() {
                            under_way.push(sent);
                        }
                    }
                }
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
            Item::Barrier(_) => Vec::new(),
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn events_keep_their_order_and_a_barrier_waits_for_all_of_them() {
        let delivering = Delivering::default();
        delivering.audience.hold_everything(&"v".into()).open();
        let (begun, done) = (RefCell::new(Vec::new()), RefCell::new(0));
        let send = |delivery: Delivery| {
            let (begun, done) = (&begun, &done);
            async move {
                begun.borrow_mut().push(delivery.body);
                tokio::time::sleep(Duration::from_secs(1)).await;
                *done.borrow_mut() += 1;
            }
        };
        let bodies: Vec<Bytes> = (0..500).map(|n: u32| n.to_string().into()).collect();
        for body in &bodies {
            let event = Event {
                id: "b".into(),
                order: delivering.next_order(),
                target: "TradeEvent",
                body: body.clone(),
            };
            delivering.push(SmallVec::new(), true, event);
        }
        tokio::select! {
            () = delivering.run(send) => unreachable!("it delivers for ever"),
            () = delivering.barrier() => {}
        }
        assert_eq!((begun.take(), done.take()), (bodies, 500));
    }
}
