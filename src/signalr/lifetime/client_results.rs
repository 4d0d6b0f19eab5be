//! Questions to clients that wait for their answers.

use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;
use dashmap::DashMap;
use tokio::sync::oneshot;

use crate::signalr::{connection::ConnectionId, protocol::RawPayload};

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

/// An answer that belongs to another connection's question.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongConnection;

struct Waiting {
    connection: ConnectionId,
    answer: oneshot::Sender<ClientResult>,
}

/// The open questions of one hub on this instance.
#[derive(Default)]
pub struct ClientResults {
    next: AtomicU64,
    waiting: DashMap<String, Waiting, RandomState>,
}

/// One open question; dropping it gives up waiting.
pub struct Question<'a> {
    /// The invocation id the client answers with.
    pub id: String,
    /// Where the answer arrives.
    pub answer: oneshot::Receiver<ClientResult>,
    results: &'a ClientResults,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.results.waiting.remove(&self.id);
    }
}

impl ClientResults {
    /// Opens a question to `connection`.
    pub fn ask(&self, connection: ConnectionId) -> Question<'_> {
        let id = format!("s{}", self.next.fetch_add(1, Ordering::Relaxed) + 1);
        let (sender, answer) = oneshot::channel();
        self.waiting.insert(
            id.clone(),
            Waiting {
                connection,
                answer: sender,
            },
        );
        Question {
            id,
            answer,
            results: self,
        }
    }

    /// An answer came from `connection`. Unknown ids are ignored: false.
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
        let Some((_, waiting)) = self.waiting.remove(id) else {
            return Ok(false);
        };
        Ok(waiting.answer.send(result()).is_ok())
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
            if let Some((_, waiting)) = self.waiting.remove(&id) {
                let _ = waiting.answer.send(ClientResult::Disconnected);
            }
        }
    }
}
