//! What each message of a client does. One invocation at a time per connection by default; streams
//! and uploads run beside it (reference 8.3).

use std::rc::Rc;

use tracing::debug;

use super::{
    HubError,
    binding::ArgumentReader,
    connection::HubConnection,
    invocation::{self, CallState, Invocation},
    methods::{Method, Requirement},
};
use crate::signalr::{
    connection::CloseReason,
    lifetime::ClientResult,
    protocol::{self, ClientMessage, DecodeError, Outcome, Raw},
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
        if self.must_wait(&message) {
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

    fn must_wait(&self, message: &ClientMessage<'_>) -> bool {
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
    fn fits(&self, call: &protocol::Invocation<'_>) -> bool {
        let method = self.endpoint.method(&call.target);
        matches!((method, &call.arguments), (Some(method), Ok(values)) if values.len() == method.arguments)
    }

    fn count_received(&self) -> bool {
        self.received
            .borrow_mut()
            .as_mut()
            .is_none_or(|received| received.accept())
    }

    fn restart_received(self: &Rc<Self>, sequence_id: i64) {
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

    fn invoke(self: &Rc<Self>, call: &protocol::Invocation<'_>, streaming: bool) {
        let endpoint = self.endpoint.clone();
        endpoint.lifetime().numbers().invoked();
        let outcome = match endpoint.method(&call.target) {
            None => Err(format!(
                "Failed to invoke '{}' due to an error on the server. HubException: Method does not exist.",
                call.target
            )),
            Some(method) => self.bind_and_run(method, call, streaming),
        };
        if let (Err(text), Some(id)) = (outcome, &call.invocation_id) {
            self.connection
                .push_answer(self.error_completion(id, &text));
        }
    }

    /// Starts a call, or says what the client is told instead.
    fn bind_and_run(
        self: &Rc<Self>,
        method: &Method,
        call: &protocol::Invocation<'_>,
        streaming: bool,
    ) -> Result<(), String> {
        self.admit_call(method)?;
        let values = call
            .arguments
            .as_ref()
            .map_err(|error| self.binding_error(method, error))?;
        if values.len() != method.arguments {
            let (given, expected) = (values.len(), method.arguments);
            let error =
                format!("Invocation provides {given} argument(s) but target expects {expected}.");
            return Err(self.failed_to_invoke(method, &error));
        }
        self.authorize(method)?;
        check_mode(method, streaming)?;
        check_streams(method, call.stream_ids.len())?;
        let in_use = call
            .invocation_id
            .as_deref()
            .is_some_and(|id| self.streams().contains_key(id));
        if let (true, true, Some(id)) = (streaming, in_use, &call.invocation_id) {
            return Err(format!("Invocation ID '{id}' is already in use."));
        }
        let takes_slot = !streaming && method.uploads == 0;
        if takes_slot {
            self.slots.set(self.slots.get().saturating_sub(1));
        }
        let uploads = call
            .stream_ids
            .iter()
            .map(|id| id.clone().into_owned())
            .collect();
        let id = call
            .invocation_id
            .as_ref()
            .map(|id| id.clone().into_owned());
        let state = CallState::new(self.clone(), id, method.name, takes_slot, uploads);
        let mut streams = call.stream_ids.iter().map(|id| &**id);
        let reader = ArgumentReader {
            values: values.iter(),
            streams: &mut streams,
            connection: self,
        };
        match method.call.start(reader, Invocation::new(state.clone())) {
            Ok(future) if streaming => invocation::run_stream(state, future),
            Ok(future) => invocation::run(state, future),
            Err((error, _unstarted)) => {
                debug!(method = method.name, %error, "arguments cannot be bound");
                return Err(self.failed_to_invoke(
                    method,
                    "Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.",
                ));
            }
        }
        Ok(())
    }

    fn authorize(&self, method: &Method) -> Result<(), String> {
        let user = self.connection.user().map(|user| &**user);
        let allowed = match method.requirement {
            Requirement::Nothing => true,
            Requirement::User => user.is_some(),
            Requirement::Role(role) => user.is_some_and(|user| user.has_role(role)),
        };
        if allowed {
            return Ok(());
        }
        Err(match self.endpoint.denial() {
            None => format!(
                "Failed to invoke '{}' because user is unauthorized",
                method.name
            ),
            Some(denial) => self.told(method, &denial(method.name, user)),
        })
    }

    /// Counts the call.
    fn admit_call(&self, method: &Method) -> Result<(), String> {
        let Some(admission) = self.endpoint.admission() else {
            return Ok(());
        };
        let user = self.connection.user().map(|user| &**user);
        let admitted = admission.call(self.connection.id(), user);
        admitted.map_err(|error| self.told(method, &error))
    }

    /// What the client reads of an error of a call that was not started.
    fn told(&self, method: &Method, error: &HubError) -> String {
        let base = format!(
            "An unexpected error occurred invoking '{}' on the server.",
            method.name
        );
        error.text_after(&base, self.detailed_errors())
    }

    fn binding_error(&self, method: &Method, error: &DecodeError) -> String {
        self.failed_to_invoke(method, &error.to_string())
    }

    fn failed_to_invoke(&self, method: &Method, detail: &str) -> String {
        let base = format!(
            "Failed to invoke '{}' due to an error on the server.",
            method.name
        );
        HubError::internal("InvalidDataException", detail).text_after(&base, self.detailed_errors())
    }

    fn upload_item(&self, id: &str, item: Raw<'_>) {
        let upload = self.uploads.borrow().get(id).cloned();
        match upload {
            Some(upload) if upload.push(item, self.detailed_errors()) => {}
            Some(_) => {
                self.uploads.borrow_mut().remove(id);
            }
            None => debug!("an item for an unknown stream was ignored"),
        }
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

fn check_mode(method: &Method, streaming: bool) -> Result<(), String> {
    let (called, kind) = match (streaming, method.streaming) {
        (false, true) => ("streaming", "non-streaming"),
        (true, false) => ("non-streaming", "streaming"),
        _ => return Ok(()),
    };
    Err(format!(
        "The client attempted to invoke the {called} '{}' method with a {kind} invocation.",
        method.name
    ))
}

fn check_streams(method: &Method, sent: usize) -> Result<(), String> {
    if sent == method.uploads {
        return Ok(());
    }
    Err(format!(
        "An unexpected error occurred invoking '{}' on the server. HubException: Client sent {sent} stream(s), Hub method expects {}.",
        method.name, method.uploads
    ))
}
