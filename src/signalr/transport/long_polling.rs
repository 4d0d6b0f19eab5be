//! Long polling: each poll is answered with everything that waits, or when something comes, or
//! empty after `PollTimeout` (reference 2.6).
//!
//! What a poll was answered is kept until the answer was written to the client. If it was not,
//! because the client or the instance that accepted the poll is gone, it goes out with the next.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use super::{
    receipt::{NewPoll, PollId},
    record::{Attached, Record},
    registry::Connections,
    response::{self, Answer},
};
use crate::{
    redis::InstanceId,
    signalr::{
        connection::{CloseReason, Ending, Outbox, RequestData, Transport, TransportKind, User},
        fleet::{
            Doubt, Fleet,
            message::{Delivered, Reply, Request},
        },
        hub::HubConnection,
    },
};

/// Bytes in one poll's body, unless a single message is larger.
const MAXIMUM_BODY: usize = 1 << 20;
/// A client that does not poll again for so long does not come for its last messages.
const BETWEEN_POLLS: Duration = Duration::from_secs(2);
/// How long another instance's word on a poll may take before it is asked for.
const WORD: Duration = Duration::from_millis(50);
/// How long the answer may take.
const ASKING: Duration = Duration::from_secs(2);

/// The transport: at most one poll waits, at most one answer is not known to be delivered.
#[derive(Default)]
pub struct LongPolling {
    waiting: RefCell<Option<Waiting>>,
    handed: RefCell<Option<Handed>>,
    ending: Cell<Option<Ending>>,
    settled: Notify,
}

struct Waiting {
    poll: NewPoll,
    answer: oneshot::Sender<Answer>,
}

/// What a poll was answered.
struct Handed {
    poll: NewPoll,
    body: Bytes,
    /// The client has not got it.
    failed: bool,
}

impl Transport for LongPolling {
    fn flush(&self, outbox: &mut Outbox) {
        let is_settled = self.handed.borrow().is_none();
        if !outbox.is_empty() && is_settled {
            self.hand_out(|| join(outbox));
        }
    }

    fn end(&self, ending: Ending) {
        self.ending.set(Some(ending));
        if self.handed.borrow().is_none() {
            self.answer(over(ending));
        }
    }
}

impl LongPolling {
    fn answer(&self, answer: Answer) {
        if let Some(poll) = self.waiting.borrow_mut().take() {
            let _ = poll.answer.send(answer);
        }
    }

    /// Answers the waiting poll, if there is one, with what `body` gives.
    fn hand_out(&self, body: impl FnOnce() -> Bytes) {
        let waiting = self.waiting.borrow_mut().take();
        let Some(poll) = waiting.filter(|poll| !poll.answer.is_closed()) else {
            return;
        };
        let body = body();
        let failed = poll.answer.send(Answer::messages(body.clone())).is_err();
        let poll = poll.poll;
        *self.handed.borrow_mut() = Some(Handed { poll, body, failed });
    }

    /// Everything before is settled: answers the waiting poll with what there is.
    fn offer(&self, hub: &HubConnection) {
        let failed = self.handed.borrow_mut().take();
        match (failed, self.ending.get()) {
            (Some(handed), _) => {
                self.hand_out(|| handed.body.clone());
                if self.handed.borrow().is_none() {
                    *self.handed.borrow_mut() = Some(handed);
                }
            }
            (None, Some(ending)) if hub.connection().outbox().is_empty() => {
                self.answer(over(ending));
            }
            (None, Some(_)) => self.flush(&mut hub.connection().outbox_mut()),
            (None, None) => hub.connection().flush(),
        }
    }

    /// Nothing is left and nothing will come.
    fn is_over(&self, hub: &HubConnection) -> bool {
        self.ending.get().is_some()
            && self.handed.borrow().is_none()
            && hub.connection().outbox().is_empty()
    }

    /// Waits until it is known what became of the answer before this poll. An edge that died with
    /// it is spoken for by the client, if its poll has a new mark: it has the answer.
    async fn settled(&self, stamp: Option<u64>, fleet: Option<&Arc<Fleet>>) {
        let mut doubt = Doubt::default();
        loop {
            let settled = self.settled.notified();
            let (open, goes_on) = match &*self.handed.borrow() {
                Some(handed) if !handed.failed => {
                    (handed.poll.id.clone(), handed.poll.is_followed_by(stamp))
                }
                _ => return,
            };
            let (PollId::There(edge, number), Some(fleet)) = (&open, fleet) else {
                settled.await;
                continue;
            };
            if timeout(WORD, settled).await.is_err()
                && let Some(word) = ask(fleet, edge, *number, &mut doubt).await
            {
                self.settle(&open, word.unwrap_or(goes_on));
            }
        }
    }

    fn settle(&self, poll: &PollId, delivered: bool) {
        let mut handed = self.handed.borrow_mut();
        match &mut *handed {
            Some(open) if open.poll.id == *poll && delivered => *handed = None,
            Some(open) if open.poll.id == *poll => open.failed = true,
            _ => {}
        }
        drop(handed);
        self.settled.notify_waiters();
        if !delivered {
            self.break_off(|waiting| waiting == poll);
        }
    }

    /// The waiting poll has no client any more.
    fn break_off(&self, is_gone: impl FnOnce(&PollId) -> bool) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting
            .as_ref()
            .is_some_and(|waiting| is_gone(&waiting.poll.id))
        {
            *waiting = None;
        }
    }
}

/// What an edge says of a poll: whether it was delivered, or nothing, because it is dead. None: it
/// is being written, or nobody answers.
async fn ask(
    fleet: &Fleet,
    edge: &InstanceId,
    poll: u64,
    doubt: &mut Doubt,
) -> Option<Option<bool>> {
    match fleet
        .ask(edge, &Request::WasDelivered { poll }, ASKING)
        .await
    {
        Ok(Reply::Delivered(Delivered::Yes)) => Some(Some(true)),
        Ok(Reply::Delivered(Delivered::No)) => Some(Some(false)),
        Ok(_) => None,
        Err(error) => doubt.is_dead(fleet, edge, error).await.then_some(None),
    }
}

/// Everything that waits, whole messages only.
fn join(outbox: &mut Outbox) -> Bytes {
    let mut frames = outbox.take(MAXIMUM_BODY);
    if frames.len() == 1 {
        return frames.remove(0).message();
    }
    let mut body = Vec::with_capacity(frames.iter().map(|frame| frame.message_len()).sum());
    for frame in frames {
        body.extend_from_slice(&frame.message());
    }
    body.into()
}

fn over(ending: Ending) -> Answer {
    Answer::text(if ending == Ending::Failed { 500 } else { 204 }, "")
}

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
        Some(TransportKind::LongPolling) => next(&record, poll, connections).await,
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
    transport.answer(Answer::text(204, ""));
    let stamp = poll.stamp;
    let (sender, mut answer) = oneshot::channel();
    *transport.waiting.borrow_mut() = Some(Waiting {
        poll,
        answer: sender,
    });
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
    let waits_there =
        transport.waiting.borrow().as_ref().is_some_and(
            |waiting| matches!(&waiting.poll.id, PollId::There(from, _) if from == edge),
        );
    if waits_there && !hub.is_handshaking() {
        transport.answer(Answer::text(200, ""));
    }
}

/// The poll is over, however it ended.
struct Detach(Rc<Record>, Rc<LongPolling>);

impl Drop for Detach {
    fn drop(&mut self) {
        let superseded = self
            .1
            .waiting
            .borrow()
            .as_ref()
            .is_some_and(|poll| !poll.answer.is_closed());
        if !superseded {
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
