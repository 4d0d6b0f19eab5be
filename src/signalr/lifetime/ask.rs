//! Asking a client for a result, here or on another instance.

use super::{ClientResult, HubLifetimeManager, Message, Question, SendError};
use crate::signalr::{
    backplane::{AskError, BackplaneError, wire},
    connection::{ConnectionId, Frame},
    protocol::{EncodeArguments, Protocol, write},
};

impl HubLifetimeManager {
    /// Asks a client for a result and waits for it. None: there is no such connection.
    ///
    /// A connection here is waited for as long as it lives; one elsewhere until its instance is
    /// gone, or the backplane's limit is over.
    pub async fn ask(
        &self,
        id: &ConnectionId,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<Option<ClientResult>, SendError> {
        let distributed = self.is_distributed();
        let question = match distributed {
            true => self.client_results().ask_as(wire::invocation_id(), id),
            false => self.client_results().ask(id),
        };
        if distributed && !self.contains(id.as_str()) {
            return self.ask_elsewhere(id, question, target, arguments).await;
        }
        let mut frames = Vec::with_capacity(2);
        for protocol in Protocol::ALL {
            frames.push(Frame::encode(protocol, true, |out| {
                write::write_invocation(protocol, out, Some(&question.id), target, arguments)
            })?);
        }
        let asked = self.with_connection(id, move |connection| async move {
            connection
                .send(frames.swap_remove(connection.protocol() as usize))
                .await
        });
        if asked.await != Some(true) {
            return Ok(None);
        }
        Ok(Some(question.answer().await))
    }

    async fn ask_elsewhere(
        &self,
        id: &ConnectionId,
        question: Question<'_>,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<Option<ClientResult>, SendError> {
        let invocation_id = question.id.clone();
        let message = Message::encode_question(&invocation_id, target, arguments)?;
        let unanswered = self
            .backplane()
            .ask(id, &invocation_id, message.serialized());
        tokio::select! {
            biased;
            answer = question.answer() => Ok(Some(answer)),
            error = unanswered => match error {
                AskError::NotFound => Ok(None),
                AskError::Gone => Ok(Some(ClientResult::Disconnected)),
                AskError::TimedOut => {
                    Ok(Some(ClientResult::Error("The client did not answer in time.".into())))
                }
                AskError::Unavailable => Err(BackplaneError::Unavailable.into()),
            },
        }
    }
}
