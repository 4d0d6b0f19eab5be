//! One worker thread: its mailbox from other threads, its members, its flush queue.
//!
//! The mailbox admits deliveries up to [`MAILBOX_BYTES`]; a sender beyond that waits. Requests to
//! run something on the worker are not bounded here: each of their callers waits for its answer.

use std::{
    cell::{Ref, RefCell, RefMut},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::sync::{Semaphore, mpsc, oneshot};
use tracing::error;

use super::{Members, Message, Target};
use crate::signalr::connection::{ConnectionId, FlushQueue};

/// Bytes of messages that may wait for one worker.
const MAILBOX_BYTES: usize = 64 << 20;
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

/// The number of a worker within its server.
pub type WorkerId = usize;

/// A message on its way to another worker.
pub(super) struct Delivery {
    pub hub: usize,
    pub target: Target,
    pub excluded: Arc<[ConnectionId]>,
    pub message: Arc<Message>,
}

enum Mail {
    Deliver(Delivery, u32, oneshot::Sender<()>),
    Run(Box<dyn FnOnce() + Send>),
}

/// How other threads reach a worker.
struct Mailbox {
    mail: mpsc::UnboundedSender<Mail>,
    room: Arc<Semaphore>,
}

/// All workers of a server.
pub struct Workers {
    mailboxes: Vec<Mailbox>,
    receivers: std::sync::Mutex<Vec<Option<mpsc::UnboundedReceiver<Mail>>>>,
    hubs: usize,
}

impl Workers {
    /// Mailboxes for `count` workers of a server with `hubs` hubs.
    pub fn new(count: usize, hubs: usize) -> Arc<Self> {
        let mut mailboxes = Vec::new();
        let mut receivers = Vec::new();
        for _ in 0..count {
            let (mail, receiver) = mpsc::unbounded_channel();
            mailboxes.push(Mailbox {
                mail,
                room: Arc::new(Semaphore::new(MAILBOX_BYTES)),
            });
            receivers.push(Some(receiver));
        }
        Arc::new(Self {
            mailboxes,
            receivers: std::sync::Mutex::new(receivers),
            hubs,
        })
    }

    /// Makes the current thread the next worker. None: all of them run already.
    pub fn start_worker(self: &Arc<Self>) -> Option<Rc<Worker>> {
        let (id, receiver) = {
            let mut receivers = self
                .receivers
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            let id = receivers.iter().position(Option::is_some)?;
            (id, receivers[id].take()?)
        };
        let worker = Rc::new(Worker {
            id,
            workers: self.clone(),
            members: (0..self.hubs).map(|_| RefCell::default()).collect(),
            flush_queue: Rc::default(),
        });
        CURRENT.with(|current| *current.borrow_mut() = Some(worker.clone()));
        let room = Room(self.mailboxes[id].room.clone());
        tokio::task::spawn_local(read_mail(worker.clone(), receiver, room));
        tokio::task::spawn_local(flush_own(worker.flush_queue.clone()));
        tokio::task::spawn_local(flush_shared(worker.flush_queue.clone()));
        Some(worker)
    }

    /// How many workers there are.
    pub fn len(&self) -> usize {
        self.mailboxes.len()
    }

    /// How many hubs each of them has members of.
    pub(super) fn hubs(&self) -> usize {
        self.hubs
    }

    /// Bytes of deliveries in a worker's mailbox.
    pub(super) fn waiting_for(&self, worker: WorkerId) -> usize {
        MAILBOX_BYTES.saturating_sub(self.mailboxes[worker].room.available_permits())
    }

    /// A server has at least one worker.
    pub fn is_empty(&self) -> bool {
        self.mailboxes.is_empty()
    }

    /// Puts a message into a worker's mailbox as soon as there is room. What comes back is ready once
    /// it is in the outboxes there: who sends to a group and then asks a member must find it there.
    pub(super) async fn deliver(
        &self,
        worker: WorkerId,
        delivery: Delivery,
    ) -> oneshot::Receiver<()> {
        let mailbox = &self.mailboxes[worker];
        let weight = delivery.message.weight().clamp(1, MAILBOX_BYTES) as u32;
        if let Ok(permit) = mailbox.room.acquire_many(weight).await {
            permit.forget();
        }
        let (delivered, receipt) = oneshot::channel();
        let _ = mailbox
            .mail
            .send(Mail::Deliver(delivery, weight, delivered));
        receipt
    }

    /// Runs something on a worker's thread, soon.
    pub fn post(&self, worker: WorkerId, task: impl FnOnce() + Send + 'static) {
        let _ = self.mailboxes[worker].mail.send(Mail::Run(Box::new(task)));
    }

    /// Runs a future on a worker's thread and waits for its result. When the caller gives up, the
    /// future is dropped. None: the worker stopped.
    pub async fn call<R, F, Fut>(self: &Arc<Self>, worker: WorkerId, call: F) -> Option<R>
    where
        R: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        if Worker::current()
            .is_some_and(|here| here.id == worker && Arc::ptr_eq(&here.workers, self))
        {
            return Some(call().await);
        }
        self.request(worker, call).await.ok()
    }

    /// As [`call`](Self::call), for threads that are no worker. What comes back may be awaited on
    /// any of them; it fails when the worker stopped.
    pub fn request<R, F, Fut>(&self, worker: WorkerId, call: F) -> oneshot::Receiver<R>
    where
        R: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        let (mut answer, result) = oneshot::channel();
        self.post(worker, move || {
            let future = call();
            tokio::task::spawn_local(async move {
                tokio::select! {
                    result = future => { let _ = answer.send(result); }
                    () = answer.closed() => {}
                }
            });
        });
        result
    }
}

/// One worker, on its own thread.
pub struct Worker {
    id: WorkerId,
    workers: Arc<Workers>,
    members: Vec<RefCell<Members>>,
    flush_queue: Rc<FlushQueue>,
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

/// The room in the mailbox of a worker that runs. When it stops, nobody waits for more.
struct Room(Arc<Semaphore>);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.close();
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
                    room.0.add_permits(weight as usize);
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
    use crate::signalr::backplane::SerializedMessage;

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
