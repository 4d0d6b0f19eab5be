//! Commands on their way to a worker: what it is asked, what it can answer, what can go wrong.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::workers::Registration;

/// The client method that a worker answers.
pub const EXECUTE_COMMAND: &str = "ExecuteCommand";

/// How long a worker may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// What a worker is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct ExecuteCommand {
    pub command_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backtest_id: Option<String>,
    pub command: &'static str,
    pub arguments: Value,
}

/// What the one who asked gets to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct CommandOutcome {
    pub command_id: String,
    pub ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl CommandOutcome {
    /// What is answered if the instance that writes the log cannot be asked.
    pub fn unreachable() -> Self {
        let answer = Answer::refused("worker_gone", "the worker cannot be reached now");
        Self::new(new_command_id(), answer)
    }

    pub fn new(command_id: String, answer: Answer) -> Self {
        Self {
            command_id,
            ok: answer.ok,
            code: answer.code,
            message: answer.message,
        }
    }
}

/// What a worker answers, or what is answered in its place.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "CommandAnswer", optional_fields))]
pub struct Answer {
    pub ok: bool,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
}

impl Answer {
    pub fn done() -> Self {
        Self {
            ok: true,
            code: None,
            message: None,
        }
    }

    pub fn refused(code: &str, message: impl Into<String>) -> Self {
        Self {
            ok: false,
            code: Some(code.to_owned()),
            message: Some(message.into()),
        }
    }

    pub fn worker_gone() -> Self {
        Self::refused("worker_gone", "no worker is registered, or it is gone")
    }

    pub fn busy() -> Self {
        Self::refused("busy", "another command is still being carried out")
    }
}

/// Why a worker did not answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    Timeout,
    Gone,
    /// It threw, or answered something that is no answer.
    Failed(String),
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout => Self::refused("timeout", "the worker did not answer in time"),
            Failure::Gone => Self::worker_gone(),
            Failure::Failed(message) => Self::refused("worker_failed", message),
        }
    }
}

/// Carries a command to a worker's connection and brings the answer back.
pub trait WorkerLink: Send + Sync {
    fn execute<'a>(
        &'a self,
        connection: &'a str,
        command: &'a ExecuteCommand,
    ) -> LocalBoxFuture<'a, Result<Answer, Failure>>;
}

/// Asks the registered worker. Ends early when it goes away meanwhile.
pub async fn ask(
    link: &dyn WorkerLink,
    registration: Option<Registration>,
    command: &ExecuteCommand,
    limit: Duration,
) -> Answer {
    let Some(registration) = registration else {
        return Answer::worker_gone();
    };
    let answer = tokio::select! {
        biased;
        answer = link.execute(&registration.connection, command) => answer,
        () = registration.gone.cancelled() => Err(Failure::Gone),
        () = tokio::time::sleep(limit) => Err(Failure::Timeout),
    };
    answer.unwrap_or_else(Answer::from)
}

/// A name for a command that nobody else uses.
pub fn new_command_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl WorkerLink for Silent {
        fn execute<'a>(
            &'a self,
            _: &'a str,
            _: &'a ExecuteCommand,
        ) -> LocalBoxFuture<'a, Result<Answer, Failure>> {
            Box::pin(std::future::pending())
        }
    }

    fn command() -> ExecuteCommand {
        ExecuteCommand {
            command_id: new_command_id(),
            bot_id: Some("bot".into()),
            backtest_id: None,
            command: "start",
            arguments: serde_json::json!({}),
        }
    }

    async fn code(registration: Option<Registration>) -> Option<String> {
        ask(&Silent, registration, &command(), Duration::from_millis(20))
            .await
            .code
    }

    #[tokio::test]
    async fn a_worker_that_is_silent_gone_or_never_was_has_a_clear_answer() {
        let registration = || Registration::new("c".into(), None, 5_000);
        assert_eq!(code(None).await.as_deref(), Some("worker_gone"));
        assert_eq!(code(Some(registration())).await.as_deref(), Some("timeout"));
        let gone = registration();
        gone.gone.cancel();
        assert_eq!(code(Some(gone)).await.as_deref(), Some("worker_gone"));
    }
}
