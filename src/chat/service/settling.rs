//! Claims that stayed behind: whoever ended a run died before it could store the answer, or the store
//! has forgotten an end it was told. Whoever looks at such a conversation puts it right.

use std::sync::Arc;

use super::ChatService;
use super::ending::{answer, end_with, turn_end};
use crate::chat::producer::Outcome;
use crate::chat::store::{StoreError, TurnEnd};
use crate::chat::{Message, Run, RunId, Timestamp, UserId};
use crate::eventlog::Epoch;

impl ChatService {
    /// Gives a claim back whose run has ended, with the answer as far as the log tells it. False: the
    /// run goes on, or nothing is known of it for now.
    pub(super) async fn settle(self: &Arc<Self>, user: &UserId, run: &RunId) -> bool {
        let end = match self.run(user, run).await {
            Ok(Some(run)) => told_end(&run),
            Ok(None) => self.lost_end(user, run).await,
            Err(_) => None,
        };
        let Some(end) = end else {
            return false;
        };
        tracing::info!(run_id = %run, "a claim that stayed behind is given back");
        let settled = self.store.finish_turn(&end).await;
        settled.is_ok_and(|settled| settled)
    }

    /// The end of a run that has no log any more. A log lives as long as its run and a while longer,
    /// so what began that long ago is over.
    async fn lost_end(&self, user: &UserId, run: &RunId) -> Option<TurnEnd> {
        let claims = self.store.claims(user).await.ok()?;
        let claim = claims.into_iter().find(|claim| claim.run_id == *run)?;
        let age = Timestamp::now().0 - claim.started_at.0;
        let is_over = age
            .to_std()
            .is_ok_and(|age| age > self.config.log_retention);
        is_over.then(|| {
            let run = Run::new(user.clone(), &claim, None, Epoch::random());
            turn_end(&run, Outcome::interrupted()).0
        })
    }

    /// Stores the end of a run again that the store has forgotten.
    pub(in crate::chat) async fn store_end_again(self: &Arc<Self>, run: &Run) {
        let Some(end) = told_end(run) else {
            return;
        };
        if let Err(StoreError::Unavailable) = self.store.finish_turn(&end).await {
            self.finish_later(end);
        }
    }
}

/// What is stored of a run whose log has ended.
fn told_end(run: &Run) -> Option<TurnEnd> {
    run.read(|progress, last_seq| {
        let finish_reason = progress.finished?;
        let answer = Message {
            content: progress.text.as_str().into(),
            reasoning: progress.reasoning.as_str().into(),
            last_seq,
            ..answer(run, finish_reason, progress.error.clone())
        };
        Some(end_with(run, answer, None))
    })
}
