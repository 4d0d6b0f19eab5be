//! Starts a call: finds the method, sees that the caller may call it and how, binds the arguments. What
//! stands in the way is what the client is told, in the words of the reference (reference 8.4).

use std::rc::Rc;

use tracing::debug;

use super::{
    HubError,
    binding::ArgumentReader,
    connection::HubConnection,
    invocation::{self, CallState, Invocation},
    methods::{Method, Requirement},
};
use crate::signalr::protocol::{self, DecodeError};

impl HubConnection {
    /// A client calls a method. One that cannot be started is answered at once.
    pub(super) fn invoke(self: &Rc<Self>, call: &protocol::Invocation<'_>, streaming: bool) {
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
        self.check_ids(call, streaming)?;
        let state = self.begin_call(method, call, streaming);
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

    /// Takes a slot, where the call needs one. Without one only a call is here that cannot be bound.
    fn begin_call(
        self: &Rc<Self>,
        method: &Method,
        call: &protocol::Invocation<'_>,
        streaming: bool,
    ) -> Rc<CallState> {
        let slots = self.slots.get();
        let takes_slot = !streaming && method.uploads == 0 && slots > 0;
        self.slots.set(slots - usize::from(takes_slot));
        let uploads = call.stream_ids.iter();
        let uploads = uploads.map(|id| id.clone().into_owned()).collect();
        let id = call.invocation_id.as_ref();
        let id = id.map(|id| id.clone().into_owned());
        CallState::new(self.clone(), id, method.name, takes_slot, uploads)
    }

    /// Each running stream, of either direction, has an id of its own. The reference gives an upload
    /// away that way, and whoever reads it waits for ever.
    fn check_ids(&self, call: &protocol::Invocation<'_>, streaming: bool) -> Result<(), String> {
        let in_use = |what, id| Err(format!("{what} ID '{id}' is already in use."));
        if let Some(id) = call.invocation_id.as_deref().filter(|_| streaming)
            && self.streams().contains_key(id)
        {
            return in_use("Invocation", id);
        }
        let uploads = self.uploads.borrow();
        for (place, id) in call.stream_ids.iter().enumerate() {
            if uploads.contains_key(&**id) || call.stream_ids[..place].contains(id) {
                return in_use("Stream", id);
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
