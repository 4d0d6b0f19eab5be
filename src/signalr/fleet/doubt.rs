//! Tells a dead instance from one that cannot be reached for a moment.

use std::time::Duration;

use tokio::time::Instant;

use super::Fleet;
use crate::redis::{CallError, InstanceId};

/// An instance whose heart beats, and which nobody can ask because it has lost its subscriptions, is
/// reachable again within this.
const DEAF: Duration = Duration::from_secs(2);

/// What the questions to one instance have shown so far.
#[derive(Default)]
pub struct Doubt {
    /// Since when Redis answers and the instance does not.
    deaf: Option<Instant>,
}

impl Doubt {
    /// Whether the instance is dead, after a question to it had no answer. Ask it again otherwise.
    pub async fn is_dead(
        &mut self,
        fleet: &Fleet,
        instance: &InstanceId,
        error: CallError,
    ) -> bool {
        // After Redis was away nobody is there at first, neither alive nor subscribed.
        if !fleet.is_connected() || fleet.directory().is_back_lately() {
            self.deaf = None;
            return false;
        }
        match error {
            CallError::Gone => true,
            // It may have heard the question, or surely has; then it has only too much to do.
            CallError::TimedOut | CallError::Refused => !fleet.is_alive(instance).await,
            CallError::Unavailable => self.deaf.get_or_insert_with(Instant::now).elapsed() >= DEAF,
        }
    }
}
