//! The runs this instance produces or follows, or lately did.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Run, RunId, UserId};

/// Ended runs stay for a while, so that a reloaded tab can read their logs.
pub struct Runs {
    state: Mutex<State>,
    retention: Duration,
}

#[derive(Default)]
struct State {
    all: HashMap<RunId, Arc<Run>>,
    /// Produced here.
    active: HashMap<RunId, Arc<Run>>,
    ended: VecDeque<(Instant, RunId)>,
}

impl Runs {
    pub fn new(retention: Duration) -> Self {
        Self {
            state: Mutex::default(),
            retention,
        }
    }

    pub fn add(&self, run: &Arc<Run>) {
        let mut state = self.lock();
        state.forget(self.retention);
        state.all.insert(run.ids.run.clone(), Arc::clone(run));
        state.active.insert(run.ids.run.clone(), Arc::clone(run));
    }

    pub fn ended(&self, run: &Run) {
        let mut state = self.lock();
        state.forget(self.retention);
        if state.active.remove(&run.ids.run).is_some() {
            state.ended.push_back((Instant::now(), run.ids.run.clone()));
        }
    }

    /// Adds a run that another instance produces.
    pub fn add_replica(&self, run: &Arc<Run>) {
        let mut state = self.lock();
        state.forget(self.retention);
        state.all.insert(run.ids.run.clone(), Arc::clone(run));
    }

    pub fn replica_ended(&self, run: &Run) {
        let mut state = self.lock();
        state.ended.push_back((Instant::now(), run.ids.run.clone()));
    }

    /// Whether a run is known here, whose ever it is.
    pub fn is_known(&self, run: &RunId) -> bool {
        self.lock().all.contains_key(run)
    }

    /// Whether a run is produced here.
    pub fn is_active(&self, run: &str) -> bool {
        self.lock().active.contains_key(run)
    }

    /// A run of this user, active or lately ended.
    pub fn get(&self, user: &UserId, run: &RunId) -> Option<Arc<Run>> {
        let state = self.lock();
        let found = state.all.get(run).filter(|run| run.user == *user);
        found.cloned()
    }

    /// The runs that are produced here.
    pub fn active(&self) -> Vec<Arc<Run>> {
        self.lock().active.values().cloned().collect()
    }

    pub fn active_count(&self) -> usize {
        self.lock().active.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, retention: Duration) {
        while let Some((at, _)) = self.ended.front() {
            if at.elapsed() <= retention {
                return;
            }
            if let Some((_, run)) = self.ended.pop_front() {
                self.all.remove(&run);
            }
        }
    }
}
