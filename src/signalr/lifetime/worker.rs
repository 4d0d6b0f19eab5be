//! One worker thread: it reads its mailbox, knows its members, and flushes what waits to be written.

use std::{
    cell::{Ref, RefCell, RefMut},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;
use tracing::error;

use super::{
    Members, WorkerId, Workers,
    workers::{Mail, Room},
};
use crate::signalr::connection::FlushQueue;

/// Deliveries between two flushes at most.
const MAILBOX_BATCH: usize = 256;
/// A flush of messages to this many connections or more is followed by a pause, so that what comes
/// meanwhile leaves in one write each. A write costs 2 to 4 µs, so this many take about as long as
/// the pause. Measured with a publisher as fast as possible: without it every message was a write.
const LARGE_FLUSH: usize = 256;
/// The pause.
const PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    static CURRENT: RefCell<Option<Rc<Worker>>> = const { RefCell::new(None) };
}

/// One worker, on its own thread.
pub struct Worker {
    id: WorkerId,
    workers: Arc<Workers>,
    members: Vec<RefCell<Members>>,
    flush_queue: Rc<FlushQueue>,
}

impl Workers {
    /// Makes the current thread the next worker. None: all of them run already.
    pub fn start_worker(self: &Arc<Self>) -> Option<Rc<Worker>> {
        let (id, receiver, room) = self.take_mailbox()?;
        let worker = Rc::new(Worker {
            id,
            workers: self.clone(),
            members: (0..self.hubs()).map(|_| RefCell::default()).collect(),
            flush_queue: Rc::default(),
        });
        CURRENT.with(|current| *current.borrow_mut() = Some(worker.clone()));
        tokio::task::spawn_local(read_mail(worker.clone(), receiver, room));
        tokio::task::spawn_local(flush_own(worker.flush_queue.clone()));
        tokio::task::spawn_local(flush_shared(worker.flush_queue.clone()));
        Some(worker)
    }
}

impl Worker {
    /// The worker whose thread this is.
    pub fn current() -> Option<Rc<Self>> {
        CURRENT.with(|current| current.borrow().clone())
    }

    /// Its number.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// The server's workers.
    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    /// Where its connections wait for a flush.
    pub fn flush_queue(&self) -> &Rc<FlushQueue> {
        &self.flush_queue
    }

    /// The members of a hub on this worker.
    pub fn members(&self, hub: usize) -> Ref<'_, Members> {
        self.members[hub].borrow()
    }

    /// The members of a hub on this worker, to change them.
    pub fn members_mut(&self, hub: usize) -> RefMut<'_, Members> {
        self.members[hub].borrow_mut()
    }
}

async fn read_mail(worker: Rc<Worker>, mut receiver: mpsc::UnboundedReceiver<Mail>, room: Room) {
    let mut batch = Vec::new();
    while receiver.recv_many(&mut batch, MAILBOX_BATCH).await > 0 {
        for mail in batch.drain(..) {
            match mail {
                Mail::Run(task) => {
                    // The next one runs in any case: a worker that reads no mail is dead.
                    if catch_unwind(AssertUnwindSafe(task)).is_err() {
                        error!(
                            worker = worker.id,
                            "what a worker was asked to run panicked"
                        );
                    }
                }
                Mail::Deliver(delivery, weight, delivered) => {
                    worker.members(delivery.hub).deliver(
                        &delivery.target,
                        &delivery.excluded,
                        &delivery.message,
                    );
                    room.give_back(weight);
                    let _ = delivered.send(());
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn flush_own(queue: Rc<FlushQueue>) {
    loop {
        queue.own.filled().await;
        queue.flush_own().await;
    }
}

async fn flush_shared(queue: Rc<FlushQueue>) {
    loop {
        queue.shared.filled().await;
        if queue.flush_shared().await >= LARGE_FLUSH {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signalr::{
        backplane::SerializedMessage,
        lifetime::{
            Message, Target,
            workers::{Delivery, MAILBOX_BYTES},
        },
    };

    /// Runs `work` as a worker's thread does, and then lets the worker stop.
    async fn as_worker(workers: &Arc<Workers>, work: impl Future<Output = ()>) {
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                workers.start_worker().expect("one is left to start");
                work.await;
            })
            .await;
        CURRENT.with(|current| current.borrow_mut().take());
    }

    #[tokio::test]
    async fn a_worker_outlives_what_panics_there() {
        let workers = Workers::new(1, 0);
        as_worker(&workers, async {
            workers.post(0, || panic!("wrong"));
            assert_eq!(workers.request(0, || async { 1 }).await, Ok(1));
        })
        .await;
    }

    #[tokio::test]
    async fn nobody_waits_for_room_at_a_worker_that_stopped() {
        let workers = Workers::new(1, 1);
        as_worker(&workers, async {}).await;
        let body = bytes::Bytes::from(vec![0; MAILBOX_BYTES]);
        let message = Arc::new(Message::received(SerializedMessage {
            json: Some(body),
            ..SerializedMessage::default()
        }));
        assert_eq!(message.weight(), MAILBOX_BYTES);
        for _ in 0..3 {
            let delivery = Delivery {
                hub: 0,
                target: Target::All,
                excluded: Arc::from([]),
                message: message.clone(),
            };
            let receipt = workers.deliver(0, delivery).await;
            assert!(receipt.await.is_err());
        }
    }
}
