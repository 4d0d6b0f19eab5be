//! One run: the making of one assistant message, its log, and who may end it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::event::{Body, ChatEvent};
use super::{
    ConversationId, FinishReason, Message, MessageId, RunError, RunId, Started, Timestamp, UserId,
};
use crate::eventlog::{Bounds, Epoch, Event, EventLog, Position, Step};

/// A run belongs to the server, never to a socket. Its log is what viewers follow.
pub struct Run {
    pub user: UserId,
    pub ids: RunIds,
    pub model: String,
    pub started_at: Timestamp,
    log: Arc<EventLog<Progress>>,
    beginning: Position,
    stop: CancellationToken,
}

/// What every event of a run names.
#[derive(Clone, Debug)]
pub struct RunIds {
    pub conversation: ConversationId,
    pub run: RunId,
    pub message: MessageId,
}

/// What a run has said so far.
#[derive(Debug, Default)]
pub struct Progress {
    pub text: String,
    pub reasoning: String,
    pub finished: Option<FinishReason>,
    /// Nothing is shown any more but the end.
    ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Cancelled,
    Natural,
}

/// A run in progress as a reloaded tab needs it.
#[derive(Clone, Debug, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ActiveRun {
    pub run_id: RunId,
    pub message_id: MessageId,
    pub text: String,
    pub reasoning: String,
    pub last_seq: u64,
}

/// What cancelling came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum CancelState {
    Cancelling,
    Cancelled,
    Finished,
}

/// What is kept of a run that shows nothing any more.
pub(super) struct Sealed {
    pub text: Arc<str>,
    pub reasoning: Arc<str>,
    pub seq: u64,
    pub cancelled: bool,
}

/// How long a canceller waits for the end to be written.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

impl Run {
    pub(super) fn new(user: UserId, started: &Started, model: String, at: Timestamp) -> Arc<Self> {
        let log = EventLog::new(Epoch::random(), Progress::default(), Bounds::default());
        Arc::new(Self {
            user,
            ids: RunIds {
                conversation: started.conversation_id.clone(),
                run: started.run_id.clone(),
                message: started.message_id.clone(),
            },
            model,
            started_at: at,
            beginning: log.position(),
            log,
            stop: CancellationToken::new(),
        })
    }

    pub fn log(&self) -> &Arc<EventLog<Progress>> {
        &self.log
    }

    /// Looks at what was said so far and at the number of the last event.
    pub fn read<R>(&self, look: impl FnOnce(&Progress, u64) -> R) -> R {
        self.log
            .read(|progress, position| look(progress, position.seq))
    }

    pub fn last_seq(&self) -> u64 {
        self.log.position().seq
    }

    pub fn is_finished(&self) -> bool {
        self.read(|progress, _| progress.finished.is_some())
    }

    /// The run as it stands, unless it has ended.
    pub fn active(&self) -> Option<ActiveRun> {
        self.read(|progress, last_seq| {
            progress.finished.is_none().then(|| ActiveRun {
                run_id: self.ids.run.clone(),
                message_id: self.ids.message.clone(),
                text: progress.text.clone(),
                reasoning: progress.reasoning.clone(),
                last_seq,
            })
        })
    }

    /// The position before the first event.
    pub fn beginning(&self) -> Position {
        self.beginning.clone()
    }

    /// The position after the event `seq`, as far as the log still holds it.
    pub fn position_at(&self, seq: u64) -> Option<Position> {
        let epoch = self.log.position().epoch;
        self.log.position_at(&epoch, seq).ok()
    }

    /// Everything up to now as one event, and the position it is complete up to.
    pub fn snapshot(&self) -> (Event, Position) {
        self.log.read(|progress, position| {
            let (text, reasoning) = (&progress.text, &progress.reasoning);
            let event = self.ids.snapshot(text, reasoning, position.seq);
            (event, position)
        })
    }

    /// Everything after `after_seq`, then what comes, until the end of the run. What the log no
    /// longer holds, or never held, is replaced by a snapshot.
    pub fn follow(self: &Arc<Self>, after_seq: u64) -> impl Stream<Item = Event> + Send + use<> {
        let run = Arc::clone(self);
        async_stream::stream! {
            let position = run.position_at(after_seq);
            let behind = position.is_none();
            let mut follower = run.log.follow(position.unwrap_or_else(|| run.log.position()));
            if behind {
                let (snapshot, position) = run.snapshot();
                follower.jump(position);
                yield snapshot;
            }
            loop {
                match follower.next().await {
                    Step::Event(event) => yield event,
                    Step::Behind => {
                        let (snapshot, position) = run.snapshot();
                        follower.jump(position);
                        yield snapshot;
                    }
                    Step::Closed => return,
                }
            }
        }
    }

    /// Ends the run for its user. From here on no delta is shown; answers when the end is written,
    /// or after a few seconds that it is on its way.
    pub async fn cancel(&self) -> CancelState {
        let finished = self.log.write(|writer| {
            let progress = writer.state();
            progress.ending.get_or_insert(Ending::Cancelled);
            progress.finished
        });
        if finished.is_none() {
            self.stop.cancel();
            if timeout(CANCEL_WAIT, self.ended()).await.is_err() {
                return CancelState::Cancelling;
            }
        }
        match self.read(|progress, _| progress.finished) {
            Some(FinishReason::Cancelled) => CancelState::Cancelled,
            _ => CancelState::Finished,
        }
    }

    /// Ends the run because the server goes: its text is kept, and it may be asked for again.
    pub fn interrupt(&self) {
        self.stop.cancel();
    }

    /// Waits until the last event is written.
    pub async fn ended(&self) {
        let mut follower = self.log.follow(self.log.position());
        loop {
            match follower.next().await {
                Step::Event(_) => {}
                Step::Behind => follower.jump(self.log.position()),
                Step::Closed => return,
            }
        }
    }

    /// Cancelled or interrupted: the producer ends what it does.
    pub(super) fn stopped(&self) -> &CancellationToken {
        &self.stop
    }

    /// Appends an event, unless the run is ending.
    pub(super) fn emit(&self, body: Body<'_>) {
        self.log.write(|writer| {
            let progress = writer.state();
            if progress.ending.is_some() {
                return;
            }
            match &body {
                Body::TextDelta { text } => progress.text.push_str(text),
                Body::ReasoningDelta { text } => progress.reasoning.push_str(text),
                _ => {}
            }
            writer.append(body.name(), |stamp| self.ids.encode(stamp.seq, body));
        });
    }

    /// From here on only [`Run::end`] appends.
    pub(super) fn seal(&self) -> Sealed {
        self.log.write(|writer| {
            let seq = writer.seq();
            let progress = writer.state();
            let ending = *progress.ending.get_or_insert(Ending::Natural);
            Sealed {
                text: progress.text.as_str().into(),
                reasoning: progress.reasoning.as_str().into(),
                seq,
                cancelled: ending == Ending::Cancelled,
            }
        })
    }

    /// Appends the last events and closes the log.
    pub(super) fn end(&self, finish_reason: FinishReason, error: Option<&RunError>) {
        self.log.write(|writer| {
            writer.state().finished = Some(finish_reason);
            for body in last_events(finish_reason, error) {
                writer.append(body.name(), |stamp| self.ids.encode(stamp.seq, body));
            }
        });
        self.log.close();
    }
}

impl RunIds {
    pub(super) fn encode(&self, seq: u64, body: Body<'_>) -> Vec<u8> {
        ChatEvent {
            conversation_id: &self.conversation,
            run_id: &self.run,
            message_id: &self.message,
            seq,
            ts: Timestamp::now(),
            body,
        }
        .to_json()
    }

    fn snapshot(&self, text: &str, reasoning: &str, last_seq: u64) -> Event {
        let body = Body::Snapshot {
            text,
            reasoning,
            last_seq,
        };
        Event::standing_for(body.name(), last_seq, self.encode(last_seq, body))
    }
}

/// How a run ends: with an error if there was one, and always with `run.finished`.
fn last_events(
    finish_reason: FinishReason,
    error: Option<&RunError>,
) -> impl Iterator<Item = Body<'_>> {
    error
        .map(|error| Body::RunError { error })
        .into_iter()
        .chain([Body::RunFinished { finish_reason }])
}

/// Tells an ended run again from its finished message, when its log is gone: what was said as a
/// snapshot, then the end under its own numbers.
pub(super) fn retell(
    conversation: ConversationId,
    run: RunId,
    answer: &Message,
    after_seq: u64,
) -> Vec<Event> {
    let ids = RunIds {
        conversation,
        run,
        message: answer.message_id.clone(),
    };
    if after_seq == answer.last_seq {
        return Vec::new();
    }
    let finish_reason = answer.finish_reason.unwrap_or(FinishReason::Stop);
    let last: Vec<_> = last_events(finish_reason, answer.error.as_ref()).collect();
    let mut seq = answer.last_seq.saturating_sub(last.len() as u64);
    let mut events = vec![ids.snapshot(&answer.content, &answer.reasoning, seq)];
    for body in last {
        seq += 1;
        events.push(Event::standing_for(body.name(), seq, ids.encode(seq, body)));
    }
    events
}
