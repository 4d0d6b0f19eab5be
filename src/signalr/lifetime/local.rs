//! What other instances do with the connections of this one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::timeout;

use super::{ClientResult, HubLifetimeManager, Message, Target};
use crate::signalr::{
    backplane::{GroupAction, LocalConnections, SerializedMessage},
    connection::{ConnectionId, Frame},
    protocol::{
        self, ClientMessage, Protocol,
        framing::{Split, split},
        write,
    },
};

/// What the asking instance is told when the connection is gone, in the words of the reference.
const DISCONNECTED: &str = "Connection disconnected.";
/// A question is open for so long at most: whoever asked may have given up and does not say so.
const LONGEST_QUESTION: Duration = Duration::from_secs(60 * 60);
/// What the asking instance is told then.
const UNANSWERED: &str = "The client did not answer in time.";
/// What it is told when its invocation id is taken.
const COLLISION: &str =
    "ID collision occurred when using client results. This is likely a bug in SignalR.";

impl LocalConnections for HubLifetimeManager {
    fn contains(&self, connection: &str) -> bool {
        Self::contains(self, connection)
    }

    fn deliver(
        &self,
        target: Target,
        excluded: Vec<ConnectionId>,
        message: SerializedMessage,
    ) -> BoxFuture<'_, ()> {
        if self.connection_count() == 0 {
            return std::future::ready(()).boxed();
        }
        let message = Arc::new(Message::received(message));
        let posting = self.post(target, excluded.into(), message);
        posting.map(drop).boxed()
    }

    fn change_group(
        &self,
        connection: ConnectionId,
        action: GroupAction,
        group: String,
    ) -> BoxFuture<'_, bool> {
        async move { self.change_here(&connection, action, &group).await }.boxed()
    }

    fn ask(
        &self,
        connection: ConnectionId,
        invocation_id: String,
        message: SerializedMessage,
    ) -> BoxFuture<'_, (Protocol, Bytes)> {
        async move {
            let asked_in: Vec<Protocol> = message.protocols().collect();
            let id = invocation_id.clone();
            let (spoken, result) = self.ask_here(&connection, invocation_id, message).await;
            // A protocol of the question is one that the asking instance certainly knows.
            let answered_in = match spoken.filter(|protocol| asked_in.contains(protocol)) {
                Some(protocol) => protocol,
                None => asked_in.first().copied().unwrap_or(Protocol::Json),
            };
            (answered_in, completion(answered_in, &id, &result))
        }
        .boxed()
    }

    fn answered(&self, protocol: Protocol, completion: &[u8]) -> bool {
        let Ok(Split::Message { body, .. }) = split(protocol, completion, &mut 0, None) else {
            return false;
        };
        let Ok(ClientMessage::Completion {
            invocation_id,
            outcome,
        }) = protocol::parse(protocol, body)
        else {
            return false;
        };
        self.client_results()
            .complete(&invocation_id, || ClientResult::from(&outcome));
        true
    }
}

impl HubLifetimeManager {
    /// Asks a connection of this instance for another one; with the protocol that it speaks.
    async fn ask_here(
        &self,
        connection: &ConnectionId,
        invocation_id: String,
        message: SerializedMessage,
    ) -> (Option<Protocol>, ClientResult) {
        let question = self
            .client_results()
            .ask_for_another(invocation_id, connection);
        let message = Message::received(message);
        let asked = self.request_connection(connection, move |connection| async move {
            let protocol = connection.protocol();
            let sent = match message.frame(protocol) {
                Ok(frame) => connection.send(frame.clone()).await,
                Err(_) => false,
            };
            (protocol, sent)
        });
        let asked = match asked {
            Some(asked) => asked.await.ok().flatten(),
            None => None,
        };
        match (asked, question) {
            (Some((protocol, true)), Some(question)) => {
                let answer = timeout(LONGEST_QUESTION, question.answer()).await;
                let late = |_| ClientResult::Error(UNANSWERED.into());
                (Some(protocol), answer.unwrap_or_else(late))
            }
            (Some((protocol, true)), None) => {
                (Some(protocol), ClientResult::Error(COLLISION.into()))
            }
            (asked, _) => (
                asked.map(|(protocol, _)| protocol),
                ClientResult::Disconnected,
            ),
        }
    }
}

/// A framed completion. A result that the protocol cannot hold becomes an error.
fn completion(protocol: Protocol, id: &str, result: &ClientResult) -> Bytes {
    let frame = Frame::encode(protocol, true, |out| match result {
        ClientResult::Result(value) => write::write_result(protocol, out, id, value),
        ClientResult::Nothing => {
            write::write_void(protocol, out, id);
            Ok(())
        }
        ClientResult::Error(text) => {
            write::write_error(protocol, out, id, text);
            Ok(())
        }
        ClientResult::Disconnected => {
            write::write_error(protocol, out, id, DISCONNECTED);
            Ok(())
        }
    });
    match frame {
        Ok(frame) => frame.message(),
        Err(error) => completion(protocol, id, &ClientResult::Error(error.to_string())),
    }
}
