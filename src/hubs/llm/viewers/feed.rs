//! One conversation as long as somebody is sent its events or waits for them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::hold::{Hold, Seen};
use crate::chat::{ConversationId, Run, RunId};

/// A connection, and the run it is left out of; `None`: of all.
type Key = (String, Option<RunId>);

pub struct Feed {
    conversation: ConversationId,
    state: Mutex<State>,
    /// How far the latest run's events were sent to all. Taken for the time of sending.
    pub sent: tokio::sync::Mutex<Sent>,
    /// Says that an event was sent to all, or that another run's turn has come.
    moves: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<Run>>,
    /// The run whose events are being sent.
    current: Option<Arc<Run>>,
    pumping: bool,
    latest: Option<Arc<Run>>,
    /// Who is left out, of one run or of all.
    held: HashMap<Key, usize>,
    /// Holds that end when the current run's last event was sent.
    ending: Vec<Key>,
}

#[derive(Default)]
pub struct Sent {
    pub run: Option<RunId>,
    pub seq: u64,
}

impl Sent {
    /// The last event of a run that was sent; 0 if its turn has not come.
    pub fn up_to(&self, run: &RunId) -> u64 {
        match &self.run {
            Some(sent) if sent == run => self.seq,
            _ => 0,
        }
    }
}

impl Feed {
    pub fn new(conversation: &ConversationId) -> Arc<Self> {
        Arc::new(Self {
            conversation: conversation.clone(),
            state: Mutex::default(),
            sent: tokio::sync::Mutex::default(),
            moves: watch::Sender::default(),
        })
    }

    pub fn conversation(&self) -> &ConversationId {
        &self.conversation
    }

    pub fn latest(&self) -> Option<Arc<Run>> {
        self.lock().latest.clone()
    }

    pub fn has_holds(&self) -> bool {
        !self.lock().held.is_empty()
    }

    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.held.is_empty() && !state.pumping
    }

    /// Adds a run to those that are sent. True: nobody is sending yet.
    pub fn add_run(&self, run: &Arc<Run>) -> bool {
        let mut state = self.lock();
        state.waiting.push_back(run.clone());
        state.latest = Some(run.clone());
        !std::mem::replace(&mut state.pumping, true)
    }

    /// The next run whose turn it is to be sent.
    pub fn next_run(&self) -> Option<Arc<Run>> {
        let next = self.lock().next_run();
        self.moved();
        next
    }

    /// How far sending came has changed.
    pub fn moved(&self) {
        self.moves.send_modify(|moves| *moves += 1);
    }

    pub fn moves(&self) -> watch::Receiver<u64> {
        self.moves.subscribe()
    }

    /// Whether the others have still to see the run's end.
    pub fn is_to_come(&self, run: &RunId) -> bool {
        self.lock().is_to_come(run)
    }

    /// Waits until a run was sent to its end.
    pub async fn has_sent(&self, run: &RunId) {
        // The feed has the sender: it cannot be gone.
        let _ = self.moves().wait_for(|_| !self.is_to_come(run)).await;
    }

    /// Leaves a connection out from now on. Answers which run is the latest.
    pub fn hold(&self, connection: &str, run: Option<&RunId>) -> Option<RunId> {
        let mut state = self.lock();
        let key = (connection.to_owned(), run.cloned());
        *state.held.entry(key).or_default() += 1;
        state.latest.as_ref().map(|run| run.ids.run.clone())
    }

    /// Ends a hold now, or when its run was sent to the others.
    pub fn release(&self, key: Key, with_run: bool) {
        let mut state = self.lock();
        let to_come = key.1.as_ref().is_some_and(|run| state.is_to_come(run));
        match with_run && to_come {
            true => state.ending.push(key),
            false => state.release(&key),
        }
    }

    /// The connections that are left out of a run.
    pub fn held(&self, run: &RunId) -> Vec<String> {
        let state = self.lock();
        let holds = state.held.keys();
        let of_run = holds.filter(|(_, of)| of.as_ref().is_none_or(|of| of == run));
        of_run.map(|(connection, _)| connection.clone()).collect()
    }

    /// The run of which a held connection may have missed events, and what it has of it.
    pub fn unseen(&self, hold: &Hold, seen: &Seen) -> Option<(Arc<Run>, u64)> {
        let latest = self.latest()?;
        let id = &latest.ids.run;
        match &seen.run {
            Some((run, seq)) if run == id => {
                let seq = *seq;
                Some((latest, seq))
            }
            // It began while the connection was held.
            _ if hold.latest.as_ref() != Some(id) => Some((latest, 0)),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_run(&mut self) -> Option<Arc<Run>> {
        for key in std::mem::take(&mut self.ending) {
            match key.1.as_ref().is_some_and(|run| self.is_waiting(run)) {
                true => self.ending.push(key),
                false => self.release(&key),
            }
        }
        self.current = self.waiting.pop_front();
        self.pumping = self.current.is_some();
        self.current.clone()
    }

    /// Whether the others have still to see the run's end.
    fn is_to_come(&self, run: &RunId) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.ids.run == *run) || self.is_waiting(run)
    }

    fn is_waiting(&self, run: &RunId) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|waiting| waiting.ids.run == *run)
    }

    fn release(&mut self, key: &Key) {
        if let Some(count) = self.held.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(key);
            }
        }
    }
}
