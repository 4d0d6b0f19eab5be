//! Who watches what, and from when on.
//!
//! A subscription starts *held*: the viewer is registered before its snapshots are taken, and what
//! happens meanwhile waits in its [`Gate`]. Once the answer has left, the gate is opened: what the
//! snapshots contain already is left out, the rest follows, and from then on events go straight
//! through. All of it happens in the one task that delivers, so nothing is lost, doubled or
//! overtaken. Events are told apart by their *order*, a number that every event has, not only
//! durable ones.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use dashmap::DashMap;
use smallvec::SmallVec;

use super::ids::Id;

/// The most events that wait for one answer to leave, far more than a burst in that short time.
const MAXIMUM_HELD: usize = 50_000;

/// An event on its way to viewers, encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The bot or backtest it is about.
    pub id: Id,
    pub order: u64,
    /// The client's method.
    pub target: &'static str,
    /// Its argument, one JSON value.
    pub body: Bytes,
}

/// One subscription call of one viewer.
#[derive(Debug)]
pub struct Gate {
    pub connection: Id,
    state: Mutex<GateState>,
}

#[derive(Debug)]
enum GateState {
    Held {
        events: Vec<Event>,
        /// Up to which order the answer tells about each bot or backtest.
        told: HashMap<Id, u64, ahash::RandomState>,
    },
    /// What the viewer took back from a subscription to everything.
    Open {
        except: HashSet<Id, ahash::RandomState>,
    },
    Closed,
}

impl Gate {
    fn new(connection: Id) -> Arc<Self> {
        let state = Mutex::new(GateState::Held {
            events: Vec::new(),
            told: HashMap::default(),
        });
        Arc::new(Self { connection, state })
    }

    /// The answer contains what happened to `id` up to `order`.
    pub fn told(&self, id: &Id, up_to: u64) {
        if let GateState::Held { told, .. } = &mut *self.lock() {
            told.insert(id.clone(), up_to);
        }
    }

    /// Whether the event goes to the viewer now. If not, it is kept or not for this viewer.
    fn admit(&self, event: &Event) -> bool {
        let mut state = self.lock();
        match &mut *state {
            GateState::Open { except } => except.is_empty() || !except.contains(&event.id),
            GateState::Closed => false,
            GateState::Held { events, .. } => {
                if events.len() < MAXIMUM_HELD {
                    events.push(event.clone());
                } else {
                    tracing::warn!(connection_id = %self.connection, "a subscription was never answered");
                    *state = GateState::Closed;
                }
                false
            }
        }
    }

    /// Lets events through from now on and answers those that waited.
    pub fn open(&self) -> Vec<Event> {
        let mut state = self.lock();
        if !matches!(*state, GateState::Held { .. }) {
            return Vec::new();
        }
        let except = HashSet::default();
        match std::mem::replace(&mut *state, GateState::Open { except }) {
            GateState::Held { mut events, told } => {
                events.retain(|event| told.get(&event.id).is_none_or(|up_to| event.order > *up_to));
                events
            }
            _ => Vec::new(),
        }
    }

    fn close(&self) {
        *self.lock() = GateState::Closed;
    }

    fn leave_out(&self, id: &Id) {
        match &mut *self.lock() {
            GateState::Open { except } => {
                except.insert(id.clone());
            }
            GateState::Held { told, .. } => {
                told.insert(id.clone(), u64::MAX);
            }
            GateState::Closed => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Gates = SmallVec<[Arc<Gate>; 2]>;

/// The viewers of all bots, or of all backtests. A topic is an id, or whatever else the owner
/// lets viewers subscribe to by name.
#[derive(Debug, Default)]
pub struct Audience {
    topics: DashMap<Id, Gates, ahash::RandomState>,
    everything: RwLock<Vec<Arc<Gate>>>,
    viewers: DashMap<Id, Viewer, ahash::RandomState>,
}

#[derive(Debug, Default)]
struct Viewer {
    topics: HashSet<Id, ahash::RandomState>,
    everything: Option<Arc<Gate>>,
}

impl Audience {
    /// Registers a viewer of these topics. What it had on the same topics before ends.
    pub fn hold(&self, connection: &Id, topics: &[Id]) -> Arc<Gate> {
        let gate = Gate::new(connection.clone());
        let mut viewer = self.viewers.entry(connection.clone()).or_default();
        for topic in topics {
            viewer.topics.insert(topic.clone());
            let mut gates = self.topics.entry(topic.clone()).or_default();
            gates.retain(|other| other.connection != *connection);
            gates.push(gate.clone());
        }
        gate
    }

    /// Registers a viewer of everything, also of what does not exist yet.
    pub fn hold_everything(&self, connection: &Id) -> Arc<Gate> {
        let gate = Gate::new(connection.clone());
        let mut viewer = self.viewers.entry(connection.clone()).or_default();
        for topic in viewer.topics.drain() {
            self.leave_topic(connection, &topic);
        }
        let mut everything = self.write_everything();
        everything.retain(|other| other.connection != *connection);
        everything.push(gate.clone());
        viewer.everything = Some(gate.clone());
        gate
    }

    /// Ends a viewer's subscriptions to these topics.
    pub fn release(&self, connection: &Id, topics: &[Id]) {
        let Some(mut viewer) = self.viewers.get_mut(connection) else {
            return;
        };
        for topic in topics {
            if viewer.topics.remove(topic) {
                self.leave_topic(connection, topic);
            }
            if let Some(everything) = &viewer.everything {
                everything.leave_out(topic);
            }
        }
    }

    /// Ends all of a viewer's subscriptions, for instance because it is gone.
    pub fn release_everything(&self, connection: &Id) {
        let Some((_, viewer)) = self.viewers.remove(connection) else {
            return;
        };
        for topic in &viewer.topics {
            self.leave_topic(connection, topic);
        }
        if let Some(gate) = viewer.everything {
            gate.close();
            self.write_everything()
                .retain(|other| other.connection != *connection);
        }
    }

    /// Which connections get the event now. The first topic that a viewer subscribed to decides,
    /// a subscription to everything comes last.
    pub fn recipients(&self, topics: &[Id], everyone: bool, event: &Event) -> Vec<Id> {
        let mut gates: SmallVec<[Arc<Gate>; 8]> = SmallVec::new();
        for topic in topics {
            if let Some(subscribed) = self.topics.get(topic) {
                add_viewers(&mut gates, &subscribed);
            }
        }
        if everyone {
            let everything = self.everything.read();
            add_viewers(
                &mut gates,
                &everything.unwrap_or_else(PoisonError::into_inner),
            );
        }
        gates.retain(|gate| gate.admit(event));
        gates.iter().map(|gate| gate.connection.clone()).collect()
    }

    /// Whether a connection watches something.
    pub fn is_viewer(&self, connection: &Id) -> bool {
        self.viewers.contains_key(connection)
    }

    /// How many connections watch something.
    pub fn viewers(&self) -> usize {
        self.viewers.len()
    }

    fn leave_topic(&self, connection: &Id, topic: &Id) {
        if let Some(mut gates) = self.topics.get_mut(topic) {
            gates.retain(|gate| gate.connection != *connection);
        }
        self.topics.remove_if(topic, |_, gates| gates.is_empty());
    }

    fn write_everything(&self) -> std::sync::RwLockWriteGuard<'_, Vec<Arc<Gate>>> {
        self.everything
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds those whose connection is not among the ones before. `more` has each connection once.
fn add_viewers(gates: &mut SmallVec<[Arc<Gate>; 8]>, more: &[Arc<Gate>]) {
    let before = gates.len();
    for gate in more {
        let is_known = gates[..before]
            .iter()
            .any(|known| known.connection == gate.connection);
        if !is_known {
            gates.push(gate.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, order: u64) -> Event {
        Event {
            id: id.into(),
            order,
            target: "TradeEvent",
            body: Bytes::from_static(b"{}"),
        }
    }

    fn reached(audience: &Audience, event: &Event) -> Vec<String> {
        let recipients = audience.recipients(std::slice::from_ref(&event.id), true, event);
        recipients.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn events_wait_for_the_answer_and_those_it_contains_are_left_out() {
        let audience = Audience::default();
        let gate = audience.hold(&"c".into(), &["a".into()]);
        for order in 1..=4 {
            assert!(reached(&audience, &event("a", order)).is_empty());
        }
        gate.told(&"a".into(), 2);
        let waited: Vec<u64> = gate.open().iter().map(|event| event.order).collect();
        assert_eq!(waited, [3, 4]);
        assert_eq!(reached(&audience, &event("a", 5)), ["c"]);
        assert!(reached(&audience, &event("b", 6)).is_empty());
    }

    #[test]
    fn a_viewer_of_everything_and_of_one_bot_gets_each_event_once() {
        let audience = Audience::default();
        audience.hold_everything(&"c".into()).open();
        assert_eq!(reached(&audience, &event("a", 1)), ["c"]);
        let again = audience.hold(&"c".into(), &["a".into()]);
        assert!(reached(&audience, &event("a", 2)).is_empty(), "held");
        assert_eq!(again.open().len(), 1);
        assert_eq!(reached(&audience, &event("a", 3)), ["c"]);
    }

    #[test]
    fn one_bot_can_be_taken_back_from_everything_and_asked_for_again() {
        let (audience, viewer) = (Audience::default(), Id::from("c"));
        audience.hold_everything(&viewer).open();
        audience.release(&viewer, &["a".into()]);
        assert!(reached(&audience, &event("a", 1)).is_empty());
        assert_eq!(reached(&audience, &event("b", 2)), ["c"]);
        audience.hold(&viewer, &["a".into()]).open();
        assert_eq!(reached(&audience, &event("a", 3)), ["c"]);
    }

    #[test]
    fn a_viewer_that_is_gone_leaves_nothing_behind() {
        let (audience, viewer) = (Audience::default(), Id::from("c"));
        audience.hold_everything(&viewer).open();
        audience.hold(&viewer, &["a".into(), "b".into()]).open();
        audience.release_everything(&viewer);
        assert!(reached(&audience, &event("a", 1)).is_empty());
        assert!(audience.topics.is_empty() && audience.viewers.is_empty());
    }
}
