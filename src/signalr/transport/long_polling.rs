//! Long polling: each poll is answered with everything that waits, or when something comes, or
//! empty after `PollTimeout` (reference 2.6).

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{
    record::{Attached, Record},
    registry::Connections,
    response::{self, Answer},
};
use crate::signalr::{
    connection::{CloseReason, Ending, Outbox, RequestData, Transport, TransportKind, User},
    hub::HubConnection,
};

/// Bytes in one poll's body, unless a single message is larger.
const MAXIMUM_BODY: usize = 1 << 20;

/// The transport: at most one poll waits.
#[derive(Default)]
pub struct LongPolling {
    waiting: RefCell<Option<oneshot::Sender<Answer>>>,
    ending: Cell<Option<Ending>>,
}

impl Transport for LongPolling {
    fn flush(&self, outbox: &mut Outbox) {
        if outbox.is_empty() {
            return;
        }
        let waiting = self.waiting.borrow_mut().take();
        if let Some(poll) = waiting
            && !poll.is_closed()
        {
            let _ = poll.send(Answer::messages(join(outbox)));
        }
    }

    fn end(&self, ending: Ending) {
        self.ending.set(Some(ending));
        self.answer(over(ending));
    }
}

impl LongPolling {
    fn answer(&self, answer: Answer) {
        if let Some(poll) = self.waiting.borrow_mut().take() {
            let _ = poll.send(answer);
        }
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
    user: Option<User>,
    request: RequestData,
    connections: Arc<Connections>,
) -> Answer {
    match record.kind() {
        None => start(&record, user, request),
        Some(TransportKind::LongPolling) => next(&record, &connections).await,
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

async fn next(record: &Rc<Record>, connections: &Connections) -> Answer {
    let transport = match &*record.attached() {
        Some(Attached::LongPolling(transport)) => transport.clone(),
        _ => return response::gone(),
    };
    let Some(hub) = record.hub() else {
        return response::gone();
    };
    transport.answer(Answer::text(204, ""));
    if let Some(ending) = transport.ending.get() {
        return last(record, &hub, ending, connections);
    }
    let (sender, answer) = oneshot::channel();
    *transport.waiting.borrow_mut() = Some(sender);
    record.activate();
    let attached = Detach(record.clone(), transport.clone());
    hub.connection().flush();
    let limit = record.endpoint().connection_options().poll_timeout;
    let answer = match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.unwrap_or_else(|_| Answer::text(204, "")),
        Err(_) => Answer::text(200, ""),
    };
    let is_last = transport.ending.get().is_some() && hub.connection().outbox().is_empty();
    drop(attached);
    if is_last && answer.status != 200 {
        connections.remove(record);
    }
    answer
}

/// The connection is over: what is left, then the end.
fn last(record: &Record, hub: &HubConnection, ending: Ending, connections: &Connections) -> Answer {
    if hub.connection().outbox().is_empty() {
        connections.remove(record);
        return over(ending);
    }
    Answer::messages(join(&mut hub.connection().outbox_mut()))
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
            .is_some_and(|poll| !poll.is_closed());
        if !superseded {
            self.0.detach();
        }
    }
}

/// Ends a connection on the client's request.
pub fn delete(record: &Rc<Record>, connections: Arc<Connections>) -> Answer {
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
