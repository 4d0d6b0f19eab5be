//! All workers of a server: their mailboxes, into which any thread may put something.
//!
//! A mailbox admits deliveries up to [`MAILBOX_BYTES`]; a sender beyond that waits. Requests to run
//! something on the worker are not bounded here: each of their callers waits for its answer.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Message, Target, Worker};
use crate::signalr::connection::ConnectionId;

/// Bytes of messages that may wait for one worker.
pub(super) const MAILBOX_BYTES: usize = 64 << 20;

/// The number of a worker within its server.
pub type WorkerId = usize;

/// A message on its way to another worker.
pub(super) struct Delivery {
    pub hub: usize,
    pub target: Target,
    pub excluded: Arc<[ConnectionId]>,
    pub message: Arc<Message>,
}

/// What is in a mailbox.
pub(super) enum Mail {
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
    receivers: Mutex<Vec<Option<mpsc::UnboundedReceiver<Mail>>>>,
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
            receivers: Mutex::new(receivers),
            hubs,
        })
    }

    /// The mailbox of the next worker that is not running yet. None: all of them run.
    pub(super) fn take_mailbox(&self) -> Option<(WorkerId, mpsc::UnboundedReceiver<Mail>, Room)> {
        let mut receivers = self
            .receivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let id = receivers.iter().position(Option::is_some)?;
        let receiver = receivers[id].take()?;
        Some((id, receiver, Room(self.mailboxes[id].room.clone())))
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
            .is_some_and(|here| here.id() == worker && Arc::ptr_eq(here.workers(), self))
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

/// The room in the mailbox of a worker that runs. When it stops, nobody waits for more.
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    /// A delivery was taken out.
    pub fn give_back(&self, bytes: u32) {
        self.0.add_permits(bytes as usize);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.close();
    }
}
