//! What the controller and the workers tell each other.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use tokio::sync::watch;

use super::Cfg;

pub const STOP: u8 = 255;

/// A counter on a cache line of its own; written by one thread, with plain stores.
#[repr(align(128))]
#[derive(Default)]
pub struct Padded(pub AtomicU64);

impl Padded {
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed) + n, Relaxed);
    }
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Seen by the controller and by every worker.
pub struct Shared {
    pub phase: watch::Sender<u8>,
    pub ready: AtomicU64, // connections up (subscribed, where that is asked for)
    pub failed: AtomicU64, // attempts that failed
    pub lost: AtomicU64,  // connections that ended before the end
    pub workers_connected: AtomicU64,
    pub connect_first: AtomicU64,
    pub connect_last: AtomicU64,
    pub stopping: AtomicBool,
    /// per worker: the unit that the command counts, all of it
    pub progress: Vec<Padded>,
    /// per worker: time of the last unit
    pub last: Vec<Padded>,
}

impl Shared {
    pub fn new(threads: usize) -> Arc<Shared> {
        let v = || (0..threads).map(|_| Padded::default()).collect();
        Arc::new(Shared {
            phase: watch::channel(0).0,
            ready: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            workers_connected: AtomicU64::new(0),
            connect_first: AtomicU64::new(u64::MAX),
            connect_last: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            progress: v(),
            last: v(),
        })
    }
    pub fn total(&self) -> u64 {
        self.progress.iter().map(Padded::get).sum()
    }
    pub fn last_at(&self) -> u64 {
        self.last.iter().map(Padded::get).max().unwrap_or(0)
    }
    pub fn set_phase(&self, p: u8) {
        if p == STOP {
            self.stopping.store(true, Relaxed);
        }
        self.phase.send_replace(p);
    }
}

impl Shared {
    pub fn last_at_all_zero(&self) -> bool {
        self.last.iter().all(|x| x.get() == 0)
    }
}

/// Blocks until every worker has tried all its connections.
pub fn wait_connected(shared: &Shared, cfg: &Cfg) {
    while shared.workers_connected.load(Relaxed) < cfg.threads as u64
        && !shared.stopping.load(Relaxed)
    {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
