//! How an answer is produced and how it ends: the message is stored, then the end is told, so that
//! whoever hears of the end finds the message.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use super::{ChatService, What};
use crate::chat::producer::{Outcome, Producer};
use crate::chat::provider::{Prompt, Provider};
use crate::chat::store::{LeftBehind, StoreError, TurnEnd, UsageRecord};
use crate::chat::{FinishReason, Message, Role, Run, RunError, Timestamp};
use crate::eventlog::Epoch;

/// How long a store that could not take an end is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// What interrupted runs get to end when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl ChatService {
    pub(super) async fn produce(
        self: Arc<Self>,
        run: Arc<Run>,
        providers: Vec<Arc<dyn Provider>>,
        prompt: Prompt,
    ) {
        let producer = Producer::new(&self.config, run.clone(), providers);
        // Whatever happens, a run that began also ends.
        let produced = AssertUnwindSafe(producer.produce(prompt)).catch_unwind();
        let outcome = produced.await.unwrap_or_else(|_| {
            tracing::error!(run_id = %run.ids.run, "the making of an answer panicked");
            Outcome::interrupted()
        });
        if run.is_here() {
            self.end(&run, outcome).await;
        }
        self.runs.ended(&run);
    }

    async fn end(self: &Arc<Self>, run: &Arc<Run>, outcome: Outcome) {
        let (end, error) = turn_end(run, outcome);
        if let Err(error) = self.store.finish_turn(&end).await {
            tracing::warn!(run_id = %run.ids.run, %error, "an answer is not stored yet");
            self.finish_later(end.clone());
        }
        self.tell_end(run, end.answer.finish_reason, error.as_ref())
            .await;
    }

    /// Ends a run whose producer is dead. False: it never began.
    pub(in crate::chat) async fn end_orphan(self: &Arc<Self>, run: &Arc<Run>) -> bool {
        let (mut end, mut error) = turn_end(run, Outcome::interrupted());
        end.question = None;
        match self.store.finish_turn(&end).await {
            Ok(true) => {}
            // It died after it had stored its answer, or before it had begun.
            Ok(false) => match self.store.answer_of(&run.user, &run.ids.run).await {
                Ok((_, answer)) => {
                    error = answer.error.clone();
                    end.answer = answer;
                }
                Err(StoreError::NotFound) => return false,
                Err(_) => self.finish_later(end.clone()),
            },
            Err(_) => self.finish_later(end.clone()),
        }
        self.tell_end(run, end.answer.finish_reason, error.as_ref())
            .await;
        self.runs.ended(run);
        true
    }

    /// Waits until runs have ended and were shown to their ends.
    async fn ended(&self, runs: &[Arc<Run>]) {
        for run in runs {
            run.ended().await;
            self.observer.caught_up(run).await;
        }
    }

    /// Ends what a former process of this instance left behind, with what was kept of it.
    pub async fn end_left_behind(&self, runs: Vec<LeftBehind>) {
        for LeftBehind { user, claim, said } in runs {
            let run = Run::new(user, &claim, None, Epoch::random());
            run.recall(said);
            let (end, _) = turn_end(&run, Outcome::interrupted());
            if let Err(error) = self.store.finish_turn(&end).await {
                tracing::warn!(run_id = %end.run, %error, "an interrupted answer stays claimed");
            }
        }
    }

    async fn tell_end(&self, run: &Run, reason: Option<FinishReason>, error: Option<&RunError>) {
        run.end(reason.unwrap_or(FinishReason::Stop), error);
        self.changed(&run.user, &run.ids.conversation, What::RunFinished)
            .await;
    }

    /// Stores an end as soon as the store answers again. There is one of these for each run that
    /// ended while the store was away, and none can begin then.
    pub(super) fn finish_later(self: &Arc<Self>, end: TurnEnd) {
        let service = self.clone();
        self.runtime.spawn(async move {
            loop {
                sleep(PAUSE).await;
                match service.store.finish_turn(&end).await {
                    Ok(_) => return,
                    Err(StoreError::Unavailable) => {}
                    Err(error) => {
                        tracing::error!(run_id = %end.run, %error, "an answer cannot be stored");
                        return;
                    }
                }
            }
        });
    }

    /// Lets running answers finish, and interrupts those that have not by then. From now on none
    /// begins.
    pub async fn drain(&self, grace: Duration) {
        self.stop_beginning();
        let running = self.runs.active();
        if timeout(grace, self.ended(&running)).await.is_err() {
            self.runs.active().iter().for_each(|run| run.interrupt());
            let _ = timeout(LAST_WORDS, self.ended(&running)).await;
        }
        self.fleet.flush(LAST_WORDS).await;
    }
}

/// Seals a run, and what of it is stored.
pub(super) fn turn_end(run: &Run, outcome: Outcome) -> (TurnEnd, Option<RunError>) {
    let sealed = run.seal();
    let (finish_reason, error) = match sealed.cancelled {
        true => (FinishReason::Cancelled, None),
        false => (outcome.finish_reason, outcome.error),
    };
    let answer = Message {
        content: sealed.text,
        reasoning: sealed.reasoning,
        last_seq: sealed.seq + 1 + u64::from(error.is_some()),
        ..answer(run, finish_reason, error.clone())
    };
    let usage = outcome.usage.map(|usage| usage.record(run));
    (end_with(run, answer, usage), error)
}

/// A run's message without its text.
pub(super) fn answer(run: &Run, finish_reason: FinishReason, error: Option<RunError>) -> Message {
    Message {
        message_id: run.ids.message.clone(),
        role: Role::Assistant,
        content: Arc::default(),
        reasoning: Arc::default(),
        model: Some(run.model.clone()),
        created_at: run.started_at,
        finish_reason: Some(finish_reason),
        error,
        run_id: Some(run.ids.run.clone()),
        last_seq: 0,
    }
}

pub(super) fn end_with(run: &Run, answer: Message, usage: Option<UsageRecord>) -> TurnEnd {
    TurnEnd {
        user: run.user.clone(),
        conversation: run.ids.conversation.clone(),
        run: run.ids.run.clone(),
        answer,
        usage,
        question: run.question.clone(),
        at: Timestamp::now(),
    }
}
