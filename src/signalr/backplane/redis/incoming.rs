//! What comes from other instances, in the order of Redis: one reader per hub, which never waits
//! for a client. What takes longer runs beside it.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use tracing::{debug, warn};

use super::{Numbers, acks::Acks, outgoing::Outgoing};
use crate::{
    redis::{Received, Receiver},
    signalr::{
        backplane::{
            LocalConnections, Target,
            wire::{
                Ack, Channel, Channels, Completion, GroupCommand, Invocation, ResultRequest,
                WireError,
            },
        },
        connection::ConnectionId,
    },
};

/// The reader of one hub.
pub(super) struct Incoming {
    pub channels: Arc<Channels>,
    pub local: Weak<dyn LocalConnections>,
    pub outgoing: Arc<Outgoing>,
    pub acks: Arc<Acks>,
    pub numbers: Arc<Numbers>,
}

impl Incoming {
    /// Reads until the subscriber or the hub is gone.
    pub async fn run(self, mut receiver: Receiver) {
        while let Some(received) = receiver.recv().await {
            let Some(local) = self.local.upgrade() else {
                return;
            };
            match received {
                Received::Message { channel, payload } => {
                    if let Err(error) = self.receive(&local, &channel, &payload).await {
                        self.numbers.malformed.count();
                        warn!(%channel, %error, "a payload of another instance cannot be read");
                    }
                }
                Received::Lost(count) => {
                    self.numbers.lost.add(count);
                    warn!(
                        count,
                        "⚠️ Messages of other instances were lost, this one is too slow"
                    );
                }
            }
        }
    }

    async fn receive(
        &self,
        local: &Arc<dyn LocalConnections>,
        channel: &str,
        payload: &Bytes,
    ) -> Result<(), WireError> {
        let target = match self.channels.parse(channel) {
            Some(Channel::All) => Target::All,
            Some(Channel::Group(group)) => Target::Group(group.into()),
            Some(Channel::User(user)) => Target::User(user.into()),
            Some(Channel::Connection(id)) => {
                Target::Connections(Arc::from([ConnectionId::from(id)]))
            }
            Some(Channel::Groups) => return self.group_command(local, payload),
            Some(Channel::Ack) => {
                self.acks.acknowledge(Ack::decode(payload)?.id);
                return Ok(());
            }
            Some(Channel::Return) => return self.completion(local, payload),
            None => return Ok(()),
        };
        self.invocation(local, target, payload).await
    }

    async fn invocation(
        &self,
        local: &Arc<dyn LocalConnections>,
        target: Target,
        payload: &Bytes,
    ) -> Result<(), WireError> {
        let mut invocation = Invocation::decode(payload)?;
        if invocation.is_from(self.channels.server()) {
            self.numbers.echoes.count();
            return Ok(());
        }
        self.numbers.received.count();
        self.note_incomplete(&invocation, &target);
        match (target, invocation.request.take()) {
            (Target::Connections(ids), Some(request)) => {
                self.ask(local, ids[0].clone(), request, invocation);
            }
            (target @ (Target::All | Target::Group(_)), _) => {
                local
                    .deliver(target, invocation.excluded, invocation.message)
                    .await;
            }
            // Elsewhere the reference passes over the exclusions.
            (target, _) => {
                local.deliver(target, Vec::new(), invocation.message).await;
            }
        }
        Ok(())
    }

    fn note_incomplete(&self, invocation: &Invocation, target: &Target) {
        let is_incomplete = invocation.message.protocols().count() < 2;
        if is_incomplete && self.numbers.incomplete.count() == 0 {
            warn!(
                ?target,
                malformed = invocation.malformed_bodies,
                "a publisher does not send both json and messagepack; what is missing is converted"
            );
        }
    }

    /// Answered at once if the connection is not here any more.
    fn ask(
        &self,
        local: &Arc<dyn LocalConnections>,
        connection: ConnectionId,
        request: ResultRequest,
        invocation: Invocation,
    ) {
        let (local, outgoing) = (local.clone(), self.outgoing.clone());
        let ResultRequest {
            invocation_id,
            return_channel,
        } = request;
        let may_answer = self.channels.is_return_channel(&return_channel);
        tokio::spawn(async move {
            let asked = local.ask(connection, invocation_id, invocation.message);
            let (protocol, completion) = asked.await;
            if may_answer {
                outgoing.answer(return_channel, Completion::encode(protocol, &completion));
            } else {
                warn!(return_channel, "an answer has no channel it may go to");
            }
        });
    }

    /// Whoever has the connection carries the command out and says so; everybody else is silent.
    fn group_command(
        &self,
        local: &Arc<dyn LocalConnections>,
        payload: &Bytes,
    ) -> Result<(), WireError> {
        let command = GroupCommand::decode(payload)?;
        if command.server == self.channels.server() || !local.contains(&command.connection) {
            return Ok(());
        }
        let ack = self.channels.ack(&command.server);
        let (local, outgoing) = (local.clone(), self.outgoing.clone());
        tokio::spawn(async move {
            let connection = ConnectionId::from(command.connection);
            let changing = local.change_group(connection, command.action, command.group);
            if changing.await {
                outgoing.answer(ack, Ack { id: command.id }.encode());
            }
        });
        Ok(())
    }

    fn completion(
        &self,
        local: &Arc<dyn LocalConnections>,
        payload: &Bytes,
    ) -> Result<(), WireError> {
        let completion = Completion::decode(payload)?;
        match completion.protocol {
            None => warn!("a client's answer came in a protocol that is not known here"),
            Some(protocol) if local.answered(protocol, &completion.message) => {}
            Some(protocol) => {
                self.numbers.malformed.count();
                debug!(
                    protocol = protocol.name(),
                    "a client's answer cannot be read"
                );
            }
        }
        Ok(())
    }
}
