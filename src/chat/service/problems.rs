//! What a store could not do, as a client reads it.

use crate::chat::store::StoreError;
use crate::eventlog;
use crate::problem::{Code, Problem};

pub(super) fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound => Problem::not_found("there is no such thing"),
        StoreError::RunActive(run) => {
            let message = "the conversation is being answered";
            Problem::new(Code::RunActive, message).with("runId", &*run)
        }
        StoreError::KeyConflict => {
            let message = "this clientMessageId was used for another message";
            Problem::new(Code::IdempotencyConflict, message)
        }
        StoreError::Invalid(reason) => Problem::invalid(reason),
        StoreError::Unavailable => unavailable(),
    }
}

pub(super) fn log_problem(error: &eventlog::StoreError) -> Problem {
    tracing::warn!(%error, "the log of a run cannot be used");
    unavailable()
}

fn unavailable() -> Problem {
    Problem::new(Code::StoreUnavailable, "the store does not answer")
}

pub(super) fn stopping() -> Problem {
    Problem::new(Code::Interrupted, "the server is stopping")
}
