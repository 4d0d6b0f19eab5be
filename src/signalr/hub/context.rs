//! What a hub method knows of its caller.

use std::rc::Rc;

use super::{
    CallerClients, Groups, HubContext, Items, connection::HubConnection, invocation::CallState,
};
use crate::signalr::{
    connection::{RequestData, User},
    protocol::Protocol,
};

/// The caller's connection, as a hub method sees it.
#[derive(Clone)]
pub struct HubCallerContext {
    connection: Rc<HubConnection>,
    call: Option<Rc<CallState>>,
}

impl HubCallerContext {
    pub(super) fn new(connection: Rc<HubConnection>, call: Option<Rc<CallState>>) -> Self {
        Self { connection, call }
    }

    /// The public id of the caller's connection.
    pub fn connection_id(&self) -> &str {
        self.connection.connection().id().as_str()
    }

    /// The caller, if somebody was authenticated.
    pub fn user(&self) -> Option<&User> {
        self.connection.connection().user().map(|user| &**user)
    }

    /// The caller's user id.
    pub fn user_id(&self) -> Option<&str> {
        self.user().map(|user| user.id.as_str())
    }

    /// The protocol the caller speaks, for who encodes an answer in pieces.
    pub fn protocol(&self) -> Protocol {
        self.connection.connection().protocol()
    }

    /// Values that stay with the connection between calls.
    pub fn items(&self) -> &Items {
        self.connection.items()
    }

    /// The HTTP request the connection came with.
    pub fn request(&self) -> &RequestData {
        self.connection.request()
    }

    /// Ends the connection. The client is told not to come back by itself.
    pub fn abort(&self) {
        self.connection.abort();
    }

    /// Waits until the connection has ended.
    pub async fn aborted(&self) {
        self.connection.ended().await;
    }

    /// Whether the connection has ended.
    pub fn is_aborted(&self) -> bool {
        self.connection.has_ended()
    }

    /// Whom to send to.
    pub fn clients(&self) -> CallerClients {
        CallerClients::new(self.connection.clone(), self.call.clone())
    }

    /// Group membership of any connection.
    pub fn groups(&self) -> Groups {
        Groups::new(self.connection.endpoint().lifetime().clone())
    }

    /// The hub seen from outside, for work that outlives the call.
    pub fn hub_context(&self) -> HubContext {
        HubContext::from_lifetime(self.connection.endpoint().lifetime().clone())
    }

    /// Runs `work` directly after this call's completion was queued, so that what it sends to the
    /// caller comes after the completion. Outside of a call it runs at once.
    pub fn after_completion(&self, work: impl FnOnce() + 'static) {
        match &self.call {
            Some(call) => call.after_completion(Box::new(work)),
            None => work(),
        }
    }
}
