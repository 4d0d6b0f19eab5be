//! What each message of a client does. One invocation at a time per connection by default; streams
//! and uploads run beside it (reference 8.3).

use std::rc::Rc;

use tracing::debug;

use super::{HubError, binding::ArgumentReader, connection::HubConnection};
use crate::signalr::{
    connection::CloseReason,
    lifetime::ClientResult,
    protocol::{self, ClientMessage, Outcome},
};

/// What became of a message.
pub(super) enum Handled {
    /// It was dealt with.
    Done,
    /// It must wait, with everything behind it.
    Wait,
}

impl HubConnection {
    /// Deals with one message.
    pub(super) fn dispatch(self: &Rc<Self>, message: ClientMessage<'_>) -> Handled {
        // What was processed before waits for nothing: it may be the call that holds the slot.
        let is_known = message.is_trackable() && self.is_next_known();
        if !is_known && self.must_wait(&message) {
            return Handled::Wait;
        }
        let duplicate = message.is_trackable() && !self.count_received();
        if duplicate {
            return Handled::Done;
        }
        match message {
            ClientMessage::Invocation(call) => self.invoke(&call, false),
            ClientMessage::StreamInvocation(call) => self.invoke(&call, true),
            ClientMessage::StreamItem {
                invocation_id,
                item,
            } => self.upload_item(&invocation_id, item),
            ClientMessage::Completion {
                invocation_id,
                outcome,
            } => self.completion(&invocation_id, &outcome),
            ClientMessage::CancelInvocation { invocation_id } => self.cancel(&invocation_id),
            ClientMessage::Ping => self.timers.borrow_mut().arm(tokio::time::Instant::now()),
            ClientMessage::Close { error, .. } => {
                self.close(CloseReason::ClientClosed(
                    error.map(|text| text.into_owned()),
                ));
            }
            ClientMessage::Ack { sequence_id } => self.connection.acknowledge(sequence_id),
            ClientMessage::Sequence { sequence_id } => self.restart_received(sequence_id),
            ClientMessage::Unknown => debug!("a message of an unknown type was ignored"),
        }
        Handled::Done
    }

    fn must_wait(self: &Rc<Self>, message: &ClientMessage<'_>) -> bool {
        match message {
            ClientMessage::Invocation(call) => {
                self.slots.get() == 0 && self.needs_slot(&call.target) && self.fits(call)
            }
            ClientMessage::StreamItem { invocation_id, .. } => self
                .uploads
                .borrow()
                .get(&**invocation_id)
                .is_some_and(|upload| upload.is_full()),
            _ => false,
        }
    }

    /// Calls that stream in either direction run beside the slots.
    fn needs_slot(&self, target: &str) -> bool {
        self.endpoint
            .method(target)
            .is_some_and(|method| method.uploads == 0)
    }

    /// A call that cannot be bound is answered at once.
    fn fits(self: &Rc<Self>, call: &protocol::Invocation<'_>) -> bool {
        let (Some(method), Ok(values)) = (self.endpoint.method(&call.target), &call.arguments)
        else {
            return false;
        };
        let reader = ArgumentReader {
            values: values.iter(),
            streams: &mut std::iter::empty(),
            connection: self,
        };
        values.len() == method.arguments && method.call.can_bind(reader)
    }

    /// Ends an upload, or answers a question of ours.
    fn completion(self: &Rc<Self>, id: &str, outcome: &Outcome<'_>) {
        let upload = self.uploads.borrow_mut().remove(id);
        if let Some(upload) = upload {
            let error = match outcome {
                Outcome::Error(text) => Some(HubError::new(text.clone().into_owned())),
                _ => None,
            };
            return upload.end(error);
        }
        let results = self.endpoint.lifetime().client_results();
        let answered = results.answer(id, self.connection.id(), || ClientResult::from(outcome));
        if answered.is_err() {
            let message = format!(
                "Connection ID '{}' is not valid for invocation ID '{id}'.",
                self.connection.id()
            );
            self.close(CloseReason::Violation {
                exception: "InvalidOperationException",
                message,
            });
        }
    }

    fn cancel(&self, id: &str) {
        if let Some(stream) = self.streams().get(id) {
            stream.abort();
        }
    }
}
