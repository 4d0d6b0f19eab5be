//! What tabs ask for about runs and conversations, wherever the run is produced.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde::Serialize;
use tokio::time::sleep;

use super::problems::{log_problem, problem};
use super::requests::limit_of;
use super::{ChatService, What};
use crate::chat::run::retell;
use crate::chat::store::StoreError;
use crate::chat::{
    ActiveRun, CancelState, ConversationId, FinishReason, Message, MessageId, Run, RunId,
    Timestamp, UserId,
};
use crate::eventlog::Event;
use crate::problem::{Code, Problem};

const LARGEST_PAGE: usize = 200;
/// A run that ends between two looks is looked at again, so often and so fast.
const LOOKS: usize = 50;
/// After these a claim that is still there has stayed behind.
const FEW_LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// A conversation as a tab shows it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OpenedConversation {
    pub conversation_id: ConversationId,
    pub title: String,
    pub messages: Vec<Message>,
    pub active_run: Option<ActiveRun>,
}

/// A run in progress, as `ActiveRuns` lists it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "RunningRun"))]
#[serde(rename_all = "camelCase")]
pub struct Running {
    pub run_id: RunId,
    pub conversation_id: ConversationId,
    pub message_id: MessageId,
    pub last_seq: u64,
    pub started_at: Timestamp,
}

/// What a run says from some point on, and the run itself if its log is still there.
pub struct Followed {
    pub run: Option<Arc<Run>>,
    pub events: BoxStream<'static, Event>,
}

impl ChatService {
    /// A run of this user: one of this instance, or another instance's, followed from now on.
    pub(in crate::chat) async fn run(
        self: &Arc<Self>,
        user: &UserId,
        run: &RunId,
    ) -> Result<Option<Arc<Run>>, Problem> {
        if let Some(run) = self.runs.get(user, run) {
            return Ok(Some(run));
        }
        let found = self.fleet.find(self, user, run).await;
        found.map_err(|error| log_problem(&error))
    }

    /// Everything a run says after `after_seq`, then what comes, to its end.
    pub async fn follow(
        self: &Arc<Self>,
        user: &UserId,
        run_id: &RunId,
        after_seq: u64,
    ) -> Result<Followed, Problem> {
        if let Some(run) = self.run(user, run_id).await? {
            let events = run.follow(after_seq).boxed();
            return Ok(Followed {
                run: Some(run),
                events,
            });
        }
        let answer = self.store.answer_of(user, run_id).await;
        let (conversation, answer) = answer.map_err(problem)?;
        let events = retell(conversation, run_id.clone(), &answer, after_seq);
        Ok(Followed {
            run: None,
            events: stream::iter(events).boxed(),
        })
    }

    /// Ends a run, on whatever instance it is produced. What was said before is shown before this
    /// answers.
    pub async fn cancel(
        self: &Arc<Self>,
        user: &UserId,
        run_id: &RunId,
    ) -> Result<CancelState, Problem> {
        if let Some(run) = self.run(user, run_id).await? {
            let state = match run.is_here() {
                true => run.cancel().await,
                false => self.fleet.cancel(&run).await,
            };
            if state != CancelState::Cancelling {
                self.observer.caught_up(&run).await;
            }
            return Ok(state);
        }
        let answer = self.store.answer_of(user, run_id).await;
        let (_, answer) = answer.map_err(problem)?;
        Ok(match answer.finish_reason {
            Some(FinishReason::Cancelled) => CancelState::Cancelled,
            _ => CancelState::Finished,
        })
    }

    /// The user's runs in progress, the oldest first.
    pub async fn active_runs(
        self: &Arc<Self>,
        user: &UserId,
        of: Option<&ConversationId>,
    ) -> Result<Vec<Running>, Problem> {
        if let Some(conversation) = of {
            self.find(user, conversation).await?;
        }
        let mut claims = self.store.claims(user).await.map_err(problem)?;
        claims.retain(|claim| of.is_none_or(|of| claim.conversation_id == *of));
        let mut running = Vec::with_capacity(claims.len());
        for claim in claims {
            let Some(last_seq) = self.active_seq(user, &claim.run_id).await? else {
                continue;
            };
            running.push(Running {
                run_id: claim.run_id,
                conversation_id: claim.conversation_id,
                message_id: claim.message_id,
                last_seq,
                started_at: claim.started_at,
            });
        }
        Ok(running)
    }

    /// The number of a claimed run's last event; `None`: it has ended.
    async fn active_seq(
        self: &Arc<Self>,
        user: &UserId,
        run: &RunId,
    ) -> Result<Option<u64>, Problem> {
        if let Some(run) = self.runs.get(user, run) {
            return Ok((!run.is_finished()).then(|| run.last_seq()));
        }
        let tail = self.fleet.tail(run).await;
        match tail.map_err(|error| log_problem(&error))? {
            Some(tail) if !tail.ended => Ok(Some(tail.seq)),
            // Its end is being stored just now, or never was.
            Some(_) => {
                self.settle(user, run).await;
                Ok(None)
            }
            None => Ok((!self.settle(user, run).await).then_some(0)),
        }
    }

    pub async fn open(
        self: &Arc<Self>,
        user: &UserId,
        conversation: &ConversationId,
        before: Option<&MessageId>,
        limit: Option<i64>,
    ) -> Result<OpenedConversation, Problem> {
        let limit = limit_of(limit, LARGEST_PAGE)?;
        for look in 0..LOOKS {
            let opened = self.store.open(user, conversation, before, limit).await;
            let opened = opened.map_err(problem)?;
            let active_run = match &opened.active_run {
                None => None,
                Some(run) => match self.active(user, run).await? {
                    // Its message is there at the next look, unless somebody died over it.
                    None => {
                        if look > FEW_LOOKS {
                            self.settle(user, run).await;
                        }
                        sleep(BETWEEN_LOOKS).await;
                        continue;
                    }
                    active => active,
                },
            };
            return Ok(OpenedConversation {
                conversation_id: conversation.clone(),
                title: opened.title,
                messages: opened.messages,
                active_run,
            });
        }
        Err(problem(StoreError::Unavailable))
    }

    async fn active(
        self: &Arc<Self>,
        user: &UserId,
        run: &RunId,
    ) -> Result<Option<ActiveRun>, Problem> {
        match self.run(user, run).await? {
            Some(run) => Ok(run.active().await),
            None => Ok(None),
        }
    }

    /// Deletes a conversation; its run is cancelled first.
    pub async fn delete(
        self: &Arc<Self>,
        user: &UserId,
        conversation: &ConversationId,
    ) -> Result<(), Problem> {
        for look in 0..LOOKS {
            let run = match self.store.delete(user, conversation).await {
                Err(StoreError::RunActive(run)) => run,
                other => {
                    other.map_err(problem)?;
                    self.changed(user, conversation, What::Deleted).await;
                    self.observer.conversation_deleted(conversation);
                    self.fleet.deleted(conversation);
                    return Ok(());
                }
            };
            match self.cancel(user, &run).await {
                Ok(CancelState::Cancelling) => {
                    return Err(problem(StoreError::RunActive(run)));
                }
                Err(problem) if problem.code != Code::NotFound => return Err(problem),
                _ => {}
            }
            if look > FEW_LOOKS {
                self.settle(user, &run).await;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        Err(problem(StoreError::Unavailable))
    }
}
