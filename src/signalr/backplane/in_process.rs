//! The backplane of a single instance.

use std::sync::{Arc, Weak};

use futures_util::{FutureExt, future::BoxFuture};

use super::{
    AskError, Backplane, BackplaneError, Envelope, GroupAction, GroupError, LocalConnections,
    Prepared, SerializedMessage, Subscribing,
};
use crate::signalr::connection::ConnectionId;

/// There is nobody else.
#[derive(Debug, Default)]
pub struct InProcess;

impl Prepared for InProcess {
    fn publish(self: Box<Self>) {}
}

impl Backplane for InProcess {
    fn start(&self, _local: Weak<dyn LocalConnections>) {}

    fn is_distributed(&self) -> bool {
        false
    }

    fn prepare<'a>(
        &'a self,
        _envelope: Envelope<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Prepared>, BackplaneError>> {
        async { Ok(Box::new(Self) as Box<dyn Prepared>) }.boxed()
    }

    fn connected(&self, _connection: &ConnectionId, _user: Option<&str>) -> Option<Subscribing> {
        None
    }

    fn disconnected(&self, _: &ConnectionId, _user: Option<&str>, _groups: &[Arc<str>]) {}

    fn joined(&self, _group: &str) -> Option<Subscribing> {
        None
    }

    fn joining(&self, _group: &str) -> Option<Subscribing> {
        None
    }

    fn left(&self, _group: &str) {}

    fn change_group<'a>(
        &'a self,
        connection: &'a ConnectionId,
        _action: GroupAction,
        _group: &'a str,
    ) -> BoxFuture<'a, Result<(), GroupError>> {
        async { Err(GroupError::NotFound(connection.to_string())) }.boxed()
    }

    fn ask<'a>(
        &'a self,
        _connection: &'a ConnectionId,
        _invocation_id: &'a str,
        _message: SerializedMessage,
    ) -> BoxFuture<'a, AskError> {
        async { AskError::NotFound }.boxed()
    }
}
