//! Appends what this instance writes to the store: many logs at once, as fast as the store answers.
//!
//! While one batch is on its way the next one gathers. Followers are shown what the store has. A
//! store that does not answer holds nobody up: followers of this instance are shown everything, and
//! when the store is back it gets what it misses, the whole log if it has forgotten it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::attached::{Attached, Snapshot};
use super::{Append, Appended, EventLog, Lease, LogName, LogStore, Stored};

/// How long followers wait for the store before they are shown what it has not confirmed.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a store that failed is left alone, unless it says that it is back.
const PAUSE: Duration = Duration::from_millis(250);
/// Logs in one batch.
const MOST_LOGS: usize = 256;

/// One for an instance. Its queue holds each log at most once.
pub struct Appender {
    store: Arc<dyn LogStore>,
    attached: Mutex<HashMap<LogName, Arc<Entry>>>,
    queue: Arc<Queue>,
}

struct Entry {
    log: Attached,
    /// It stands in the queue.
    queued: Arc<AtomicBool>,
}

/// Logs with something to append.
#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<LogName>>,
    /// How many wait or are on their way; 0 wakes who waits for the end, anything else the task.
    open: watch::Sender<usize>,
}

impl Appender {
    pub fn new(store: Arc<dyn LogStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            attached: Mutex::default(),
            queue: Arc::default(),
        })
    }

    pub fn store(&self) -> &Arc<dyn LogStore> {
        &self.store
    }

    /// From now on everything written to `log` is appended under `lease`, to its end; after that
    /// the store keeps it for `keep`. `stored` is what the store has of it already, as
    /// [`LogStore::acquire`] told. `lost` is called once if another instance takes the log over.
    pub fn attach<S: Snapshot>(
        &self,
        log: &Arc<EventLog<S>>,
        lease: Lease,
        stored: &Stored,
        keep: Duration,
        lost: impl FnOnce() + Send + 'static,
    ) {
        log.hold_back(stored.seq);
        let name = lease.log.clone();
        let queued = Arc::new(AtomicBool::new(false));
        let entry = Arc::new(Entry {
            log: Attached::new(log.clone(), lease, stored, keep, Box::new(lost)),
            queued: queued.clone(),
        });
        self.lock().insert(name.clone(), entry);
        let (queue, for_later) = (self.queue.clone(), (queued.clone(), name.clone()));
        let add = move || queue.add(&for_later.0, &for_later.1);
        log.on_change(Some(Arc::new(add)));
        self.queue.add(&queued, &name);
    }

    /// Nothing of this log is appended any more; followers are shown all there is.
    pub fn detach(&self, log: &LogName) {
        let entry = self.lock().remove(log);
        if let Some(entry) = entry {
            entry.log.end();
        }
    }

    /// Waits until the store has everything, at most for `limit`. False: it has not.
    pub async fn flush(&self, limit: Duration) -> bool {
        let mut open = self.queue.open.subscribe();
        timeout(limit, open.wait_for(|open| *open == 0))
            .await
            .is_ok_and(|flushed| flushed.is_ok())
    }

    /// Appends for ever.
    pub async fn run(self: Arc<Self>) {
        let mut returns = self.store.returns();
        let mut open = self.queue.open.subscribe();
        loop {
            tokio::select! {
                _ = open.wait_for(|open| *open > 0) => {}
                Ok(()) = returns.changed() => self.queue_all(),
            }
            while !self.append_waiting().await {
                self.show_everything();
                let _ = timeout(PAUSE, returns.changed()).await;
                self.queue_all();
            }
        }
    }

    /// Appends until nothing is left. False: the store does not answer.
    async fn append_waiting(&self) -> bool {
        loop {
            let names = self.queue.take();
            if names.is_empty() {
                return true;
            }
            let entries = self.begin(&names);
            let batch: Vec<Append> = entries.iter().map(|entry| entry.log.next()).collect();
            let results = self.append(&batch).await;
            let answered = results.is_some();
            let results = entries.iter().zip(&batch).zip(results.unwrap_or_default());
            for ((entry, sent), result) in results {
                self.settle(entry, sent, result);
            }
            self.queue.done(names.len());
            if !answered {
                return false;
            }
        }
    }

    fn begin(&self, names: &[LogName]) -> Vec<Arc<Entry>> {
        let attached = self.lock();
        let entries: Vec<_> = names
            .iter()
            .filter_map(|name| attached.get(name).cloned())
            .collect();
        // Before looking: what is written in between is queued again.
        for entry in &entries {
            entry.queued.store(false, Ordering::Release);
        }
        entries
    }

    async fn append(&self, batch: &[Append]) -> Option<Vec<Appended>> {
        let append = self.store.append(batch);
        tokio::pin!(append);
        let result = tokio::select! {
            result = &mut append => result,
            () = sleep(PATIENCE) => {
                self.show_everything();
                append.await
            }
        };
        result
            .inspect_err(|error| warn!(%error, "events are not stored for now"))
            .ok()
    }

    fn settle(&self, entry: &Arc<Entry>, sent: &Append, result: Appended) {
        let name = &sent.lease.log;
        match result {
            Appended::Fenced => {
                // First, so that nobody takes what is shown now for stored.
                entry.log.lost();
                self.detach(name);
            }
            Appended::UpTo(seq) => {
                if entry.log.stored(sent, seq) {
                    self.lock().remove(name);
                } else if entry.log.has_more() {
                    self.queue.add(&entry.queued, name);
                }
            }
            Appended::Missing => {
                entry.log.start_over();
                self.queue.add(&entry.queued, name);
            }
        }
    }

    fn queue_all(&self) {
        for (name, entry) in self.lock().iter() {
            self.queue.add(&entry.queued, name);
        }
    }

    fn show_everything(&self) {
        let entries: Vec<_> = self.lock().values().cloned().collect();
        for entry in entries {
            entry.log.release();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LogName, Arc<Entry>>> {
        self.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn add(&self, queued: &AtomicBool, name: &LogName) {
        if !queued.swap(true, Ordering::AcqRel) {
            self.lock().push_back(name.clone());
            self.open.send_modify(|open| *open += 1);
        }
    }

    fn take(&self) -> Vec<LogName> {
        let mut waiting = self.lock();
        let count = waiting.len().min(MOST_LOGS);
        waiting.drain(..count).collect()
    }

    fn done(&self, count: usize) {
        self.open.send_modify(|open| *open -= count);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LogName>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
