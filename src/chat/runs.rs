//! The runs this instance produces or has lately produced.

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
    active: HashMap<UserId, Vec<Arc<Run>>>,
    active_count: usize,
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
        state.active_count += 1;
        state.all.insert(run.ids.run.clone(), Arc::clone(run));
        let mine = state.active.entry(run.user.clone()).or_default();
        mine.push(Arc::clone(run));
    }

    pub fn ended(&self, run: &Run) {
        let mut state = self.lock();
        state.forget(self.retention);
        state.active_count -= 1;
        state.ended.push_back((Instant::now(), run.ids.run.clone()));
        if let Some(mine) = state.active.get_mut(&run.user) {
            mine.retain(|other| other.ids.run != run.ids.run);
            if mine.is_empty() {
                state.active.remove(&run.user);
            }
        }
    }

    /// A run of this user, active or lately ended.
    pub fn get(&self, user: &UserId, run: &RunId) -> Option<Arc<Run>> {
        let state = self.lock();
        let found = state.all.get(run).filter(|run| run.user == *user);
        found.cloned()
    }

    pub fn active_of(&self, user: &UserId) -> Vec<Arc<Run>> {
        let state = self.lock();
        state.active.get(user).cloned().unwrap_or_default()
    }

    pub fn active(&self) -> Vec<Arc<Run>> {
        let state = self.lock();
        state.active.values().flatten().cloned().collect()
    }

    pub fn active_count(&self) -> usize {
        self.lock().active_count
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
