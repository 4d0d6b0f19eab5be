//! The runs this instance produces or follows, or lately did.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Run, RunId, UserId};

/// What ended runs may take in memory, all together. The one that ended first goes first: it is read
/// from the store then, event by event where that has the log, else as a snapshot and its end.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Ended runs stay for a while, so that a reloaded tab can read their logs.
pub struct Runs {
    state: Mutex<State>,
    retention: Duration,
}

#[derive(Default)]
struct State {
    all: HashMap<RunId, Arc<Run>>,
    /// To be produced here as soon as the store agrees.
    beginning: HashSet<RunId>,
    /// Produced here.
    active: HashMap<RunId, Arc<Run>>,
    ended: VecDeque<Ended>,
    /// Of those that have ended.
    bytes: usize,
}

/// A run that begins; dropped, it has begun or will not.
pub struct Beginning<'a> {
    runs: &'a Runs,
    run: RunId,
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        self.runs.lock().beginning.remove(&self.run);
    }
}

struct Ended {
    at: Instant,
    run: RunId,
    bytes: usize,
}

impl Runs {
    pub fn new(retention: Duration) -> Self {
        Self {
            state: Mutex::default(),
            retention,
        }
    }

    /// Says that a run is about to begin: what the store has of it already is not forgotten.
    pub fn begin(&self, run: &RunId) -> Beginning<'_> {
        self.lock().beginning.insert(run.clone());
        let run = run.clone();
        Beginning { runs: self, run }
    }

    pub fn add(&self, run: &Arc<Run>) {
        let mut state = self.lock();
        state.forget(self.retention);
        state.all.insert(run.ids.run.clone(), Arc::clone(run));
        state.active.insert(run.ids.run.clone(), Arc::clone(run));
    }

    pub fn ended(&self, run: &Run) {
        let mut state = self.lock();
        if state.active.remove(&run.ids.run).is_some() {
            state.has_ended(run);
        }
        state.forget(self.retention);
    }

    /// Adds a run that another instance produces.
    pub fn add_replica(&self, run: &Arc<Run>) {
        let mut state = self.lock();
        state.forget(self.retention);
        state.all.insert(run.ids.run.clone(), Arc::clone(run));
    }

    pub fn replica_ended(&self, run: &Run) {
        let mut state = self.lock();
        state.has_ended(run);
        state.forget(self.retention);
    }

    /// Whether a run is known here, whose ever it is.
    pub fn is_known(&self, run: &RunId) -> bool {
        self.lock().all.contains_key(run)
    }

    /// Whether a run is produced here, or about to be.
    pub fn is_active(&self, run: &str) -> bool {
        let state = self.lock();
        state.active.contains_key(run) || state.beginning.contains(run)
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
    fn has_ended(&mut self, run: &Run) {
        let ended = Ended {
            at: Instant::now(),
            run: run.ids.run.clone(),
            bytes: run.bytes(),
        };
        self.bytes += ended.bytes;
        self.ended.push_back(ended);
    }

    fn forget(&mut self, retention: Duration) {
        let is_over = |ended: &Ended, bytes| ended.at.elapsed() > retention || bytes > MOST_BYTES;
        while self
            .ended
            .front()
            .is_some_and(|ended| is_over(ended, self.bytes))
        {
            if let Some(ended) = self.ended.pop_front() {
                self.bytes -= ended.bytes;
                self.all.remove(&ended.run);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::event::Body;
    use crate::chat::store::Claim;
    use crate::chat::{ConversationId, MessageId, Timestamp};
    use crate::eventlog::Epoch;

    fn run(user: &UserId, text: &str) -> Arc<Run> {
        let claim = Claim {
            run_id: RunId::random(),
            conversation_id: ConversationId::random(),
            message_id: MessageId::random(),
            model: "m".to_owned(),
            started_at: Timestamp::now(),
        };
        let run = Run::new(user.clone(), &claim, None, Epoch::random());
        run.emit(Body::TextDelta { text });
        run
    }

    #[tokio::test]
    async fn ended_runs_stay_as_long_as_there_is_room_and_running_ones_always() {
        let user = UserId::from("ada");
        let runs = Runs::new(Duration::from_secs(60));
        let text = "x".repeat(400_000);
        let running = run(&user, &text);
        runs.add(&running);
        let ended: Vec<_> = (0..100)
            .map(|_| {
                let run = run(&user, &text);
                runs.add(&run);
                runs.ended(&run);
                run
            })
            .collect();
        let kept = |run: &Arc<Run>| runs.get(&user, &run.ids.run).is_some();
        assert!(kept(&running) && kept(&ended[99]) && kept(&ended[70]));
        assert!(!kept(&ended[0]));
        assert_eq!(runs.active_count(), 1);
        let count = ended.iter().filter(|run| kept(run)).count();
        assert_eq!(count, MOST_BYTES / running.bytes());
    }
}
