//! One run: the making of one assistant message, its log, and who may end it.

mod following;
mod ids;
mod progress;
mod replica;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use self::ids::{RunIds, retell};
pub use self::progress::Progress;
pub(super) use self::replica::interrupted;

use self::progress::Ending;
use super::event::Body;
use super::store::Claim;
use super::{FinishReason, Message, MessageId, RunError, RunId, Timestamp, UserId};
use crate::eventlog::{Bounds, Epoch, EventLog, Position};

/// A run belongs to the server, never to a socket. Its log is what viewers follow.
pub struct Run {
    pub user: UserId,
    pub ids: RunIds,
    pub model: String,
    pub started_at: Timestamp,
    /// What it answers; unknown where another instance began it.
    pub question: Option<Message>,
    log: Arc<EventLog<Progress>>,
    beginning: Position,
    stop: CancellationToken,
    /// The instance that produces it, unless that is this one.
    home: Mutex<Option<Arc<str>>>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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

/// What a run's log keeps in memory: a minute and a half of quick deltas. Who comes from further
/// back begins with a snapshot.
const LOG_BYTES: usize = 1024 * 1024;

/// What a run takes besides what was asked and said: itself, its ids, its place in tables.
const OVERHEAD: usize = 2 * 1024;

impl Run {
    /// A run whose log is still empty.
    pub(super) fn new(
        user: UserId,
        claim: &Claim,
        question: Option<Message>,
        epoch: Epoch,
    ) -> Arc<Self> {
        let bounds = Bounds {
            bytes: LOG_BYTES,
            ..Bounds::default()
        };
        let log = EventLog::new(epoch, Progress::default(), bounds);
        Arc::new(Self {
            user,
            ids: RunIds {
                conversation: claim.conversation_id.clone(),
                run: claim.run_id.clone(),
                message: claim.message_id.clone(),
            },
            model: claim.model.clone(),
            started_at: claim.started_at,
            question,
            beginning: log.position(),
            log,
            stop: CancellationToken::new(),
            home: Mutex::default(),
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

    /// How much memory it takes, roughly.
    pub fn bytes(&self) -> usize {
        let said =
            self.read(|progress, _| progress.text.capacity() + progress.reasoning.capacity());
        let asked = self.question.as_ref().map_or(0, |it| it.content.len());
        OVERHEAD + asked + said + self.log.bytes()
    }

    pub fn is_finished(&self) -> bool {
        self.read(|progress, _| progress.finished.is_some())
    }

    /// The run as it stands, unless it has ended.
    pub async fn active(&self) -> Option<ActiveRun> {
        let (active, position) = self.log.read(|progress, position| {
            let active = progress.finished.is_none().then(|| ActiveRun {
                run_id: self.ids.run.clone(),
                message_id: self.ids.message.clone(),
                text: progress.text.clone(),
                reasoning: progress.reasoning.clone(),
                last_seq: position.seq,
            });
            (active, position)
        });
        self.log.shown(&position).await;
        active
    }

    /// Ends the run, which is produced here, for its user. From here on no delta is shown; answers
    /// when the end is written, or after a few seconds that it is on its way.
    pub async fn cancel(&self) -> CancelState {
        let finished = self.log.write(|writer| {
            let progress = writer.state();
            progress.ending.get_or_insert(Ending::Cancelled);
            progress.finished
        });
        if finished.is_none() {
            self.stop.cancel();
        }
        self.cancelled().await
    }

    /// Waits for the end of a run that is being cancelled.
    pub async fn cancelled(&self) -> CancelState {
        if timeout(CANCEL_WAIT, self.ended()).await.is_err() {
            return CancelState::Cancelling;
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

    /// Cancelled, interrupted or lost: the producer ends what it does.
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
        self.write_end(finish_reason, error);
        self.log.close();
    }

    fn lock_home(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.home.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
