//! Long polling: each poll is answered with everything that waits, or when something comes, or
//! empty after `PollTimeout` (reference 2.6).
//!
//! What a poll was answered is kept until the answer was written to the client. If it was not,
//! because the client or the instance that accepted the poll is gone, it goes out with the next.
//! An instance that dies with an answer in its hands cannot say whether it was written. Then the
//! client's next poll tells, if it has a mark as the JavaScript client's have; without marks, as
//! .NET's are, an answer counts as written from the moment in which its edge began to.

mod transport;

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;

pub use self::transport::LongPolling;
use super::{
    receipt::{NewPoll, PollId},
    record::{Attached, Record},
    registry::Connections,
    response::{self, Answer},
};
use crate::{
    redis::InstanceId,
    signalr::connection::{CloseReason, RequestData, TransportKind, User},
};

/// A client that does not poll again for so long does not come for its last messages.
const BETWEEN_POLLS: Duration = Duration::from_secs(2);

/// Answers one poll, at the connection's home. Dropping it is the client's leaving.
pub async fn poll(
    record: Rc<Record>,
    poll: NewPoll,
    user: Option<User>,
    request: RequestData,
    connections: &Connections,
) -> Answer {
    match record.kind() {
        None => start(&record, user, request),
        Some(TransportKind::LongPolling) => {
            if let (Some(hub), Some(user)) = (record.hub(), &user) {
                hub.renew_ticket(user);
            }
            next(&record, poll, connections).await
        }
        Some(_) => response::cannot_change_transports(),
    }
}

/// The first poll attaches the transport and is answered at once.
fn start(record: &Rc<Record>, user: Option<User>, request: RequestData) -> Answer {
    let Some(hub) = record.start(TransportKind::LongPolling, user, request) else {
        return response::gone();
    };
    let transport = Rc::new(LongPolling::default());
    record.attach(Attached::LongPolling(transport.clone()));
    hub.connection().attach(transport);
    record.feed_early();
    record.detach();
    Answer::messages(Bytes::new())
}

/// Answers a poll of a connection that polls already.
pub async fn next(record: &Rc<Record>, poll: NewPoll, connections: &Connections) -> Answer {
    let (Some(transport), Some(hub)) = (transport(record), record.hub()) else {
        return response::gone();
    };
    let stamp = poll.stamp;
    let mut answer = transport.begin(poll);
    record.activate();
    let attached = Detach(record.clone(), transport.clone());
    let limit = record.endpoint().connection_options().poll_timeout;
    let waited = timeout(limit, async {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = transport.settled(stamp, connections.fleet()) => {}
        }
        transport.offer(&hub);
        answer.await
    });
    let answer = match waited.await {
        Ok(answer) => answer.unwrap_or_else(|_| Answer::text(204, "")),
        Err(_) => Answer::text(200, ""),
    };
    drop(attached);
    if answer.status != 200 && transport.is_over(&hub) {
        connections.remove(record);
    }
    answer
}

fn transport(record: &Record) -> Option<Rc<LongPolling>> {
    match &*record.attached() {
        Some(Attached::LongPolling(transport)) => Some(transport.clone()),
        _ => None,
    }
}

/// Whether the client of a connection that has ended may still come for its last messages, and to
/// hear of the end.
pub fn is_awaited(record: &Record) -> bool {
    transport(record).is_some()
        && record
            .inactive_since()
            .is_none_or(|since| since.elapsed() < BETWEEN_POLLS)
}

/// A poll's answer is being written where it was accepted.
pub fn goes_out(record: &Record, poll: &PollId) {
    if let Some(transport) = transport(record) {
        transport.goes_out(poll);
    }
}

/// A poll is over where it was accepted.
pub fn settle(record: &Record, poll: &PollId, delivered: bool) {
    if let Some(transport) = transport(record) {
        transport.settle(poll, delivered);
    }
}

/// An instance is dead, and a poll that it accepted with it.
pub fn edge_died(record: &Record, dead: &InstanceId) {
    if let Some(transport) = transport(record) {
        transport.break_off(|poll| matches!(poll, PollId::There(edge, _) if edge == dead));
    }
}

/// The instance that accepted the waiting poll stops: an empty answer makes the client poll again,
/// elsewhere. Not before the handshake: the JavaScript client takes an empty binary answer for a
/// handshake response that is cut, and gives up. That poll is answered soon by the response.
pub fn send_back(record: &Record, edge: &InstanceId) {
    let (Some(transport), Some(hub)) = (transport(record), record.hub()) else {
        return;
    };
    let is_there = |poll: &PollId| matches!(poll, PollId::There(from, _) if from == edge);
    if transport.waits_for(is_there) && !hub.is_handshaking() {
        transport.answer(Answer::text(200, ""));
    }
}

/// The poll is over, however it ended.
struct Detach(Rc<Record>, Rc<LongPolling>);

impl Drop for Detach {
    fn drop(&mut self) {
        if !self.1.is_waiting() {
            self.0.detach();
        }
    }
}

/// Ends a connection on the client's request.
pub fn delete(record: &Rc<Record>, connections: &Connections) -> Answer {
    if record.kind() != Some(TransportKind::LongPolling) {
        return Answer::text(
            400,
            "Cannot terminate this connection using the DELETE endpoint.",
        );
    }
    record.dispose(CloseReason::ClientLeft);
    connections.remove(record);
    Answer::text(202, "")
}
