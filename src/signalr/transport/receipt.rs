//! What becomes of a poll's answer: it counts as delivered once it was written to the client.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
};
use bytes::Bytes;

use super::{long_polling, record, registry::Connections, response::Answer};
use crate::{
    redis::InstanceId,
    signalr::{
        connection::RequestData,
        fleet::{ConnectionKey, EdgePoll},
        lifetime::{Worker, WorkerId},
    },
};

/// One poll: numbered by the instance that accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollId {
    /// By this instance.
    Here(u64),
    /// By another instance.
    There(InstanceId, u64),
}

/// A poll as its connection's home sees it.
pub struct NewPoll {
    pub id: PollId,
    /// The client's own mark: the JavaScript client makes one, .NET's does not.
    pub stamp: Option<u64>,
}

/// The JavaScript client gives a poll up after this, and asks again with a new mark.
const GIVEN_UP: u64 = 100_000;

/// Whether the client has had an answer to a poll with mark `this`, by the mark of the next one. It
/// asks for more only then, and whoever repeats a poll, a proxy or a browser, repeats its mark.
pub fn is_followed_by(this: u64, next: u64) -> bool {
    this != next && next.saturating_sub(this) < GIVEN_UP
}

/// The mark that the JavaScript client puts on each poll, against caches: the time in milliseconds.
pub fn stamp(request: &RequestData) -> Option<u64> {
    request.query("_")?.parse().ok()
}

/// An answer to a poll, and whom to tell when the client has it.
pub struct Polled {
    answer: Answer,
    receipt: Option<Receipt>,
}

/// Tells the connection's home. Dropped without a word it says that the client has nothing.
pub enum Receipt {
    /// The home is on this instance.
    Here(LocalReceipt),
    /// The home is elsewhere.
    There(EdgePoll),
}

/// A receipt for a worker of this instance.
pub struct LocalReceipt {
    connections: Arc<Connections>,
    home: WorkerId,
    key: ConnectionKey,
    number: u64,
    delivered: bool,
}

impl LocalReceipt {
    /// A new poll of this instance for a connection that lives on `home`.
    pub fn new(connections: &Arc<Connections>, home: WorkerId, key: ConnectionKey) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self {
            connections: connections.clone(),
            home,
            key,
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            delivered: false,
        }
    }

    /// The poll.
    pub fn poll(&self) -> PollId {
        PollId::Here(self.number)
    }
}

impl Drop for LocalReceipt {
    fn drop(&mut self) {
        let (key, poll, delivered) = (self.key, self.poll(), self.delivered);
        let tell = move || {
            if let Some(record) = record::find(key) {
                long_polling::settle(&record, &poll, delivered);
            }
        };
        let workers = self.connections.workers();
        let is_here = Worker::current()
            .is_some_and(|here| here.id() == self.home && Arc::ptr_eq(here.workers(), workers));
        if is_here {
            tell();
        } else {
            workers.post(self.home, tell);
        }
    }
}

impl Receipt {
    fn delivered(self) {
        match self {
            Self::Here(mut receipt) => receipt.delivered = true,
            Self::There(poll) => poll.delivered(),
        }
    }
}

impl Polled {
    /// An answer that somebody waits to hear of.
    pub fn new(answer: Answer, receipt: Receipt) -> Self {
        let receipt = Some(receipt);
        Self { answer, receipt }
    }

    /// As an HTTP response.
    pub fn into_response(self) -> HttpResponse {
        let Self {
            mut answer,
            receipt,
        } = self;
        if answer.body.is_empty() {
            if let Some(receipt) = receipt {
                receipt.delivered();
            }
            return answer.into_response(true);
        }
        let body = ReceiptBody {
            bytes: std::mem::take(&mut answer.body),
            written: Written::Nothing,
            receipt,
        };
        answer
            .into_response(true)
            .set_body(body)
            .map_into_boxed_body()
    }
}

impl From<Answer> for Polled {
    fn from(answer: Answer) -> Self {
        let receipt = None;
        Self { answer, receipt }
    }
}

/// How far a body got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Nothing,
    /// Handed to the HTTP dispatcher.
    Handed,
    /// The dispatcher has written in between.
    Flushed,
}

/// A body that says when it was written. The dispatcher takes it, writes, and asks for more: then
/// the system has the bytes. Dropped before that, the client is gone.
struct ReceiptBody {
    bytes: Bytes,
    written: Written,
    receipt: Option<Receipt>,
}

impl MessageBody for ReceiptBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match self.written {
            Written::Nothing => {
                self.written = Written::Handed;
                Poll::Ready(Some(Ok(self.bytes.clone())))
            }
            Written::Handed => {
                self.written = Written::Flushed;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Written::Flushed => {
                if let Some(receipt) = self.receipt.take() {
                    receipt.delivered();
                }
                Poll::Ready(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_mark_that_came_in_time_shows_that_a_poll_was_answered() {
        for (this, next, is_answered) in [
            (1, 2, true),
            (1, 90_000, true),
            (1, 100_001, false),
            (1, 1, false),
            // The client's clock was set back.
            (2, 1, true),
        ] {
            assert_eq!(is_followed_by(this, next), is_answered, "{this}, {next}");
        }
    }
}
