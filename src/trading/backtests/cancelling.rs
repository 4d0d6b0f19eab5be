//! Cancelling a backtest: by its worker, or by the server where there is none.

use serde_json::json;

use super::backtest::Backtest;
use super::event::State;
use super::service::BacktestService;
use super::taking;
use crate::eventlog::EventLog;
use crate::problem::Problem;
use crate::trading::commanding::EndOfCommand;
use crate::trading::commands::{
    Answer, CommandOutcome, ExecuteCommand, TIME_LIMIT, ask, new_command_id,
};
use crate::trading::fleet::Request;
use crate::trading::ids::Id;
use crate::trading::subject::Subject;
use crate::trading::workers::Registration;

impl BacktestService {
    /// Cancels a backtest, through its worker if it has one. Run it in a task of its own.
    pub async fn cancel(&self, backtest_id: &Id) -> Result<CommandOutcome, Problem> {
        let request = || Request::Cancel {
            id: backtest_id.to_string(),
        };
        let here = async || self.cancel_here(backtest_id).await;
        self.live.command(backtest_id, request, here).await
    }

    pub(super) async fn cancel_here(&self, backtest_id: &Id) -> Result<CommandOutcome, Problem> {
        let log = self.live.find(backtest_id)?;
        let question = ExecuteCommand {
            command_id: new_command_id(),
            bot_id: None,
            backtest_id: Some(backtest_id.to_string()),
            command: "cancel",
            arguments: json!({}),
        };
        let answer = match self.begin_cancel(&log) {
            Err(answer) => answer,
            Ok(registration) => {
                let _end = EndOfCommand::new(&self.live, &log);
                let answer = ask(&*self.link, Some(registration), &question, TIME_LIMIT).await;
                if answer.ok {
                    self.end_cancel(&log);
                }
                answer
            }
        };
        self.live.shown(&[log]).await;
        Ok(CommandOutcome::new(question.command_id, answer))
    }

    /// Answers at once what needs no worker.
    fn begin_cancel(&self, log: &EventLog<Backtest>) -> Result<Registration, Answer> {
        self.live.write(log, |scribe| {
            let now = scribe.now.wall;
            let backtest = scribe.state();
            let (state, is_lost) = (backtest.state, backtest.is_lost());
            if state.is_finished() && !is_lost {
                let message = "the backtest is finished";
                return Err(Answer::refused("already_finished", message));
            }
            if let Some(registration) = backtest.registration().clone() {
                let is_busy = std::mem::replace(backtest.is_commanded(), true);
                return (!is_busy).then_some(registration).ok_or_else(Answer::busy);
            }
            if state == State::Queued || is_lost {
                taking::cancel(scribe, now);
                return Err(Answer::done());
            }
            Err(Answer::worker_gone())
        })
    }

    /// The worker agreed. Its own `BacktestCancelled` may have been faster.
    fn end_cancel(&self, log: &EventLog<Backtest>) {
        if log.is_closed() {
            return;
        }
        self.live.write(log, |scribe| {
            let now = scribe.now.wall;
            let backtest = scribe.state();
            if !backtest.state.is_finished() || backtest.is_lost() {
                taking::cancel(scribe, now);
            }
        });
    }
}
