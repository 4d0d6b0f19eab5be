//! Questions that wait for their answer.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::InstanceId;

/// Why a question to another instance has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The instance is dead or has left. It may have received the question before.
    #[error("the instance is gone")]
    Gone,
    /// No answer within the limit. The question may have been received.
    #[error("the instance did not answer in time")]
    TimedOut,
    /// Redis cannot be reached, or was lost while the question was on its way.
    #[error("the instance cannot be asked now")]
    Unavailable,
    /// The instance lives and does not serve this now: too much is asked of it, or it is starting.
    #[error("the instance does not serve this now")]
    Refused,
}

type Answer = Result<Bytes, CallError>;

/// Bounded by its callers: each holds one entry and takes it back.
#[derive(Default)]
pub(super) struct Calls {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, (InstanceId, oneshot::Sender<Answer>)>>,
}

impl Calls {
    pub fn open(self: &Arc<Self>, to: &InstanceId) -> OpenCall {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.lock().insert(number, (to.clone(), answer));
        OpenCall {
            calls: self.clone(),
            number,
            answered,
        }
    }

    /// A late answer, to a call that was given up, is dropped.
    pub fn answer(&self, number: u64, answer: Answer) {
        if let Some((_, waiting)) = self.lock().remove(&number) {
            let _ = waiting.send(answer);
        }
    }

    /// Ends every call to `to`; to everybody if that is `None`.
    pub fn fail(&self, to: Option<&InstanceId>, error: CallError) {
        self.lock()
            .extract_if(|_, (callee, _)| to.is_none_or(|to| to == callee))
            .for_each(|(_, (_, waiting))| {
                let _ = waiting.send(Err(error));
            });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, (InstanceId, oneshot::Sender<Answer>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call on its way; dropping it gives it up.
pub(super) struct OpenCall {
    calls: Arc<Calls>,
    pub number: u64,
    answered: oneshot::Receiver<Answer>,
}

impl OpenCall {
    pub async fn answer(mut self) -> Answer {
        let answered = (&mut self.answered).await;
        answered.unwrap_or(Err(CallError::Unavailable))
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.number);
    }
}
