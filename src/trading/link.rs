//! The way to SignalR: events to viewers, commands to workers.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use tracing::warn;

use super::commands::{Answer, EXECUTE_COMMAND, ExecuteCommand, Failure, WorkerLink};
use super::delivery::Delivery;
use crate::signalr::hub::HubContext;
use crate::signalr::protocol::{Raw, RawPayload};

/// Workers reached through their hub.
pub struct HubLink(HubContext);

impl HubLink {
    pub fn new(context: HubContext) -> Arc<Self> {
        Arc::new(Self(context))
    }
}

impl WorkerLink for HubLink {
    fn execute<'a>(
        &'a self,
        connection: &'a str,
        command: &'a ExecuteCommand,
    ) -> LocalBoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let worker = self.0.clients().connection(connection);
            let answer = worker.invoke(EXECUTE_COMMAND, (command,)).await;
            answer.map_err(|error| {
                // The worker's own words are a hub exception; what else fails is the way to it.
                if error.is_hub_exception() {
                    Failure::Failed(error.message().to_owned())
                } else {
                    Failure::Gone
                }
            })
        })
    }
}

/// Sends one event, encoded once, to all that watch.
pub async fn deliver(context: &HubContext, delivery: Delivery) {
    let Ok(body) = std::str::from_utf8(&delivery.body) else {
        return;
    };
    let argument = RawPayload::from(Raw::Json(body));
    let sent = match context.prepare(delivery.target, (argument,)) {
        Ok(message) => {
            let clients = context.clients().connections(&delivery.connections);
            clients.send_prepared(&message).await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        warn!(target = delivery.target, %error, "an event was not sent");
    }
}
