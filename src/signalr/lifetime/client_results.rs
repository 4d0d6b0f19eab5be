//! Questions to clients that wait for their answers.

use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;
use dashmap::{DashMap, Entry};
use tokio::sync::oneshot;

use crate::signalr::{
    connection::ConnectionId,
    protocol::{Outcome, RawPayload},
};

/// What came back.
#[derive(Debug)]
pub enum ClientResult {
    /// The client's result, still encoded.
    Result(RawPayload),
    /// The client's error.
    Error(String),
    /// The client answered with neither.
    Nothing,
    /// The connection ended first.
    Disconnected,
}

impl From<&Outcome<'_>> for ClientResult {
    fn from(outcome: &Outcome<'_>) -> Self {
        match outcome {
            Outcome::Result(value) => Self::Result(RawPayload::from(*value)),
            Outcome::Error(text) => Self::Error(text.clone().into_owned()),
            Outcome::Void => Self::Nothing,
        }
    }
}

/// An answer that belongs to another connection's question.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongConnection;

struct Waiting {
    connection: ConnectionId,
    answer: oneshot::Sender<ClientResult>,
}

/// The open questions of one hub on this instance: to connections anywhere, asked here, and to
/// connections here, asked by other instances.
#[derive(Default)]
pub struct ClientResults {
    next: AtomicU64,
    waiting: DashMap<String, Waiting, RandomState>,
}

/// One open question; dropping it gives up waiting.
pub struct Question<'a> {
    /// The invocation id the client answers with.
    pub id: String,
    answer: oneshot::Receiver<ClientResult>,
    results: &'a ClientResults,
}

impl Question<'_> {
    /// Waits for the answer.
    pub async fn answer(mut self) -> ClientResult {
        (&mut self.answer)
            .await
            .unwrap_or(ClientResult::Disconnected)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.results.waiting.remove(&self.id);
    }
}

impl ClientResults {
    /// Opens a question to `connection`, with an id that is unique on this instance.
    pub fn ask(&self, connection: &ConnectionId) -> Question<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.ask_as(format!("s{number}"), connection)
    }

    /// Opens a question with an id that is known to be new.
    pub fn ask_as(&self, id: String, connection: &ConnectionId) -> Question<'_> {
        let (sender, answer) = oneshot::channel();
        self.waiting.insert(id.clone(), waiting(connection, sender));
        self.question(id, answer)
    }

    /// Opens the question of another instance. None: there is one with this id.
    pub fn ask_for_another(&self, id: String, connection: &ConnectionId) -> Option<Question<'_>> {
        let (sender, answer) = oneshot::channel();
        match self.waiting.entry(id.clone()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(entry) => drop(entry.insert(waiting(connection, sender))),
        }
        Some(self.question(id, answer))
    }

    fn question(&self, id: String, answer: oneshot::Receiver<ClientResult>) -> Question<'_> {
        Question {
            id,
            answer,
            results: self,
        }
    }

    /// An answer came from `connection` on this instance. Unknown ids are ignored: false.
    pub fn answer(
        &self,
        id: &str,
        connection: &ConnectionId,
        result: impl FnOnce() -> ClientResult,
    ) -> Result<bool, WrongConnection> {
        match self.waiting.get(id) {
            None => return Ok(false),
            Some(waiting) if waiting.connection != *connection => return Err(WrongConnection),
            Some(_) => {}
        }
        Ok(self.complete(id, result))
    }

    /// An answer came from the instance that was asked. Unknown ids are ignored: false.
    pub fn complete(&self, id: &str, result: impl FnOnce() -> ClientResult) -> bool {
        match self.waiting.remove(id) {
            Some((_, waiting)) => waiting.answer.send(result()).is_ok(),
            None => false,
        }
    }

    /// A connection ended: who waits for it is told.
    pub fn disconnected(&self, connection: &ConnectionId) {
        if self.waiting.is_empty() {
            return;
        }
        let lost: Vec<String> = self
            .waiting
            .iter()
            .filter(|waiting| waiting.connection == *connection)
            .map(|waiting| waiting.key().clone())
            .collect();
        for id in lost {
            self.complete(&id, || ClientResult::Disconnected);
        }
    }
}

fn waiting(connection: &ConnectionId, answer: oneshot::Sender<ClientResult>) -> Waiting {
    Waiting {
        connection: connection.clone(),
        answer,
    }
}
