//! What the two connections and the subscriptions come to: one [`State`] that can be watched.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::sync::watch;

use super::{State, client::Purpose};

/// Keeps [`State`] from its three parts.
pub(super) struct Status {
    parts: Mutex<Parts>,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct Parts {
    commands: Side,
    subscriptions: Side,
    restored: bool,
    has_been_connected: HashSet<Purpose>,
}

#[derive(Default)]
enum Side {
    #[default]
    Connecting,
    Connected,
    Failed {
        since: Instant,
        reason: Arc<str>,
    },
}

impl Default for Status {
    fn default() -> Self {
        Self {
            parts: Mutex::default(),
            state: watch::Sender::new(State::Connecting),
        }
    }
}

impl Status {
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Whether this connection replaces a lost one.
    pub fn connected(&self, which: Purpose) -> bool {
        let mut again = false;
        self.update(|parts| {
            if which == Purpose::Subscriptions {
                parts.restored = false;
            }
            *parts.side(which) = Side::Connected;
            again = !parts.has_been_connected.insert(which);
        });
        again
    }

    /// A connection that was silent answers again. What was subscribed still is.
    pub fn answers(&self, which: Purpose) {
        self.update(|parts| *parts.side(which) = Side::Connected);
    }

    /// An attempt failed, or the connection ended or is silent. `since` stays that of the first failure.
    pub fn disconnected(&self, which: Purpose, reason: Arc<str>) {
        self.update(|parts| {
            let side = parts.side(which);
            let since = match side {
                Side::Failed { since, .. } => *since,
                _ => Instant::now(),
            };
            *side = Side::Failed { since, reason };
        });
    }

    /// Every channel that was asked for is subscribed.
    pub fn restored(&self) {
        self.update(|parts| parts.restored = true);
    }

    fn update(&self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut parts);
        let state = parts.state();
        self.state.send_if_modified(|current| {
            let changed = *current != state;
            *current = state;
            changed
        });
    }
}

impl Parts {
    fn side(&mut self, which: Purpose) -> &mut Side {
        match which {
            Purpose::Commands => &mut self.commands,
            Purpose::Subscriptions => &mut self.subscriptions,
        }
    }

    fn state(&self) -> State {
        let failure = [&self.subscriptions, &self.commands]
            .into_iter()
            .filter_map(|side| match side {
                Side::Failed { since, reason } => Some((*since, reason.clone())),
                _ => None,
            })
            .min_by_key(|(since, _)| *since);
        match (failure, &self.commands, &self.subscriptions) {
            (Some((since, reason)), ..) => State::Down { since, reason },
            (None, Side::Connected, Side::Connected) if self.restored => State::Up,
            (None, Side::Connected, Side::Connected) => State::Restoring,
            _ => State::Connecting,
        }
    }
}
