//! What is asked of connections on other instances, and of those who have them.

use std::time::Duration;

use super::{RedisBackplane, publish::envelope};
use crate::{
    redis::RedisError,
    signalr::{
        backplane::{
            AskError, BackplaneError, GroupAction, GroupError, SerializedMessage,
            wire::{GroupCommand, ResultRequest},
        },
        connection::ConnectionId,
    },
};

/// A call that needs Redis's answer waits so long for Redis to come back.
const PATIENCE: Duration = Duration::from_secs(5);

impl RedisBackplane {
    /// Changes the groups of a connection that lives elsewhere.
    pub(super) async fn change(
        &self,
        connection: &ConnectionId,
        action: GroupAction,
        group: &str,
    ) -> Result<(), GroupError> {
        if !self.outgoing.opened(PATIENCE).await {
            return Err(BackplaneError::Unavailable.into());
        }
        let mut waiting = self.acks.open();
        let command = GroupCommand {
            id: waiting.id,
            server: self.channels.server().to_owned(),
            action,
            group: group.to_owned(),
            connection: connection.to_string(),
        };
        let channel = self.channels.groups();
        let published = self.redis.pub_sub().publish(&channel, command.encode());
        self.sent(published.await)?;
        let limit = self.options.ack_timeout;
        let gone = self
            .presence
            .gone(self.channels.connection(connection.as_str()));
        tokio::select! {
            biased;
            () = waiting.acknowledged() => Ok(()),
            () = gone => Err(GroupError::NotFound(connection.to_string())),
            () = tokio::time::sleep(limit) => {
                self.numbers.ack_timeouts.count();
                let connection = connection.to_string();
                Err(GroupError::TimedOut { connection, limit })
            }
        }
    }

    /// Asks a connection that lives elsewhere. Its answer comes by another way; this ends with why
    /// there will be none.
    pub(super) async fn ask_remote(
        &self,
        connection: &ConnectionId,
        invocation_id: &str,
        message: SerializedMessage,
    ) -> AskError {
        if !self.outgoing.opened(PATIENCE).await {
            return AskError::Unavailable;
        }
        let request = ResultRequest {
            invocation_id: invocation_id.to_owned(),
            return_channel: self.channels.return_channel(),
        };
        let payload = envelope(self.channels.server(), &[], &message, Some(&request));
        let payload = payload.seal(self.outgoing.next_number());
        let channel = self.channels.connection(connection.as_str());
        let published = self.redis.pub_sub().publish(&channel, payload);
        match self.sent(published.await) {
            Ok(Some(0)) => return AskError::NotFound,
            Ok(_) => {}
            Err(_) => return AskError::Unavailable,
        }
        tokio::select! {
            () = self.presence.gone(channel) => AskError::Gone,
            () = tokio::time::sleep(self.options.client_result_timeout) => {
                self.numbers.result_timeouts.count();
                AskError::TimedOut
            }
        }
    }

    /// How many received a publish that waits for no queue; none: that is not known.
    fn sent(&self, answer: Result<u64, RedisError>) -> Result<Option<u64>, BackplaneError> {
        match answer {
            Ok(count) => {
                self.numbers.published.count();
                Ok(Some(count))
            }
            Err(error) if error.may_be_applied() => {
                self.numbers.uncertain.count();
                Ok(None)
            }
            Err(_) => Err(BackplaneError::Unavailable),
        }
    }
}
