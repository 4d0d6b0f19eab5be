//! Room for one send, found before anybody has it.

use std::sync::Arc;

use bytes::Bytes;

use super::Outgoing;

/// Room for one send. Dropping it gives the room back.
pub(in super::super) struct Place {
    outgoing: Arc<Outgoing>,
    cost: usize,
}

impl Place {
    /// For what was added to the bytes that wait.
    pub(super) fn new(outgoing: Arc<Outgoing>, cost: usize) -> Self {
        Self { outgoing, cost }
    }

    /// Sends a payload to each channel. `seal` makes it once its number is known.
    pub fn send(mut self, channels: Vec<String>, seal: impl FnOnce(u64) -> Bytes) {
        let outgoing = self.outgoing.clone();
        let mut state = outgoing.lock();
        let each = self.cost / channels.len().max(1);
        let number = state.next_number();
        let payload = seal(number);
        for channel in channels {
            self.cost -= each;
            outgoing.push(&mut state, number, channel, payload.clone(), each);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.cost > 0 {
            self.outgoing.lock().bytes -= self.cost;
            self.outgoing.changed.notify_waiters();
        }
    }
}
