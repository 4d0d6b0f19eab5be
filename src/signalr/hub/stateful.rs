//! Stateful reconnect, the hub's side: the numbers of what came, and acknowledgements both ways
//! (reference section 6). What was sent is kept by the connection's outbox.

use std::rc::Rc;

use super::connection::HubConnection;
use crate::signalr::{
    connection::CloseReason,
    protocol::{
        self, ClientMessage,
        framing::{self, Split},
        write,
    },
};

/// No acknowledgement is longer.
const LONGEST_ACK: usize = 64;

impl HubConnection {
    /// Whether the next trackable message was processed before.
    pub(super) fn is_next_known(&self) -> bool {
        let received = self.received.borrow();
        received.as_ref().is_some_and(|it| it.is_next_known())
    }

    /// Counts a trackable message; false if it was processed before.
    pub(super) fn count_received(&self) -> bool {
        let mut received = self.received.borrow_mut();
        received.as_mut().is_none_or(|it| it.accept())
    }

    /// The client says which message comes next.
    pub(super) fn restart_received(self: &Rc<Self>, sequence_id: i64) {
        let restarted = match self.received.borrow_mut().as_mut() {
            Some(received) => received.restart_at(sequence_id),
            None => Ok(()),
        };
        if let Err(error) = restarted {
            let message = error.to_string();
            self.close(CloseReason::Violation {
                exception: "InvalidOperationException",
                message,
            });
        }
    }

    /// Tells the client what came, if there is something new.
    pub(super) fn acknowledge_received(self: &Rc<Self>) {
        if !self.connection.is_attached() {
            return;
        }
        let mut received = self.received.borrow_mut();
        let due = received.as_mut().and_then(|it| it.due_acknowledgement());
        drop(received);
        if let Some(sequence_id) = due {
            let protocol = self.connection.protocol();
            self.push_untracked(|out| write::write_ack(protocol, out, sequence_id));
        }
    }

    /// Takes the client's acknowledgements out of turn, while the input waits for the hub: what runs
    /// there may itself wait for one, and would wait for ever if it were behind the next call. The
    /// reference has this deadlock. Taken again in its turn, an acknowledgement changes nothing.
    pub(super) fn acknowledge_ahead(self: &Rc<Self>) {
        if self.received.borrow().is_none() {
            return;
        }
        let protocol = self.connection.protocol();
        let mut latest = None;
        self.input.borrow_mut().look_ahead(|bytes| {
            match framing::split(protocol, bytes, &mut 0, None) {
                Ok(Split::Message { body, consumed }) => {
                    if body.len() <= LONGEST_ACK
                        && let Ok(ClientMessage::Ack { sequence_id }) =
                            protocol::parse(protocol, body)
                    {
                        latest = latest.max(Some(sequence_id));
                    }
                    Some(consumed)
                }
                _ => None,
            }
        });
        if let Some(sequence_id) = latest {
            self.connection.acknowledge(sequence_id);
        }
    }
}
