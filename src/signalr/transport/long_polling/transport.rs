//! The transport: what waits for the client, and what it was given and may not have.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use crate::{
    redis::InstanceId,
    signalr::{
        connection::{Ending, Outbox, Transport},
        fleet::{
            Doubt, Fleet,
            message::{Delivered, Reply, Request},
        },
        hub::HubConnection,
        transport::{
            receipt::{NewPoll, PollId, is_followed_by},
            response::Answer,
        },
    },
};

/// Bytes in one poll's body, unless a single message is larger.
const MAXIMUM_BODY: usize = 1 << 20;
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
    /// Its edge has begun to write it.
    goes_out: bool,
    /// The client has not got it.
    failed: bool,
}

impl Handed {
    /// Whether the client has it, if the edge that was to write it is dead: by the mark of the next
    /// poll, and without marks if it was going out.
    fn has_arrived(&self, next: Option<u64>) -> bool {
        match self.poll.stamp.zip(next) {
            Some((this, next)) => is_followed_by(this, next),
            None => self.goes_out,
        }
    }
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
    /// Answers the waiting poll, if there is one.
    pub fn answer(&self, answer: Answer) {
        if let Some(poll) = self.waiting.borrow_mut().take() {
            let _ = poll.answer.send(answer);
        }
    }

    /// A new poll waits. Whoever waited before is answered empty.
    pub fn begin(&self, poll: NewPoll) -> oneshot::Receiver<Answer> {
        self.answer(Answer::text(204, ""));
        let (answer, answered) = oneshot::channel();
        *self.waiting.borrow_mut() = Some(Waiting { poll, answer });
        answered
    }

    /// Whether a poll waits, and its client with it.
    pub fn is_waiting(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.as_ref().is_some_and(|it| !it.answer.is_closed())
    }

    /// Whether the poll that waits is so.
    pub fn waits_for(&self, is_so: impl FnOnce(&PollId) -> bool) -> bool {
        let waiting = self.waiting.borrow();
        waiting.as_ref().is_some_and(|it| is_so(&it.poll.id))
    }

    /// The edge of a poll begins to write its answer.
    pub fn goes_out(&self, poll: &PollId) {
        if let Some(handed) = &mut *self.handed.borrow_mut()
            && handed.poll.id == *poll
        {
            handed.goes_out = true;
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
        *self.handed.borrow_mut() = Some(Handed {
            poll,
            body,
            goes_out: false,
            failed,
        });
    }

    /// Everything before is settled: answers the waiting poll with what there is.
    pub fn offer(&self, hub: &HubConnection) {
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
    pub fn is_over(&self, hub: &HubConnection) -> bool {
        self.ending.get().is_some()
            && self.handed.borrow().is_none()
            && hub.connection().outbox().is_empty()
    }

    /// Waits until it is known what became of the answer before this poll. An edge that died with
    /// it is spoken for by the client's next mark, or by what it had announced.
    pub async fn settled(&self, stamp: Option<u64>, fleet: Option<&Arc<Fleet>>) {
        let mut doubt = Doubt::default();
        loop {
            let settled = self.settled.notified();
            let open = match &*self.handed.borrow() {
                Some(handed) if !handed.failed => handed.poll.id.clone(),
                _ => return,
            };
            let (PollId::There(edge, number), Some(fleet)) = (&open, fleet) else {
                settled.await;
                continue;
            };
            if timeout(WORD, settled).await.is_err()
                && let Some(word) = ask(fleet, edge, *number, &mut doubt).await
            {
                self.settle(&open, word.unwrap_or_else(|| self.has_arrived(stamp)));
            }
        }
    }

    fn has_arrived(&self, next: Option<u64>) -> bool {
        let handed = self.handed.borrow();
        handed
            .as_ref()
            .is_some_and(|handed| handed.has_arrived(next))
    }

    /// A poll is over where it was accepted.
    pub fn settle(&self, poll: &PollId, delivered: bool) {
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
    pub fn break_off(&self, is_gone: impl FnOnce(&PollId) -> bool) {
        if self.waits_for(is_gone) {
            *self.waiting.borrow_mut() = None;
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
