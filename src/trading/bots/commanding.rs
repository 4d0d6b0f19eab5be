//! Carrying operators' commands to a bot's worker, and telling everybody what became of them.

use super::bot::Bot;
use super::command::{BotCommand, CommandResult};
use super::service::BotService;
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

impl BotService {
    /// Carries a command to the bot's worker. What happens there is an outcome, not an error.
    /// Run it in a task of its own: it must end even if the one who asked goes away.
    pub async fn command(
        &self,
        bot_id: &Id,
        command: BotCommand,
        by: &str,
    ) -> Result<CommandOutcome, Problem> {
        let request = || Request::Command {
            id: bot_id.to_string(),
            command: command.clone(),
            by: by.to_owned(),
        };
        let here = async || self.command_here(bot_id, &command, by).await;
        self.live.command(bot_id, request, here).await
    }

    pub(super) async fn command_here(
        &self,
        bot_id: &Id,
        command: &BotCommand,
        by: &str,
    ) -> Result<CommandOutcome, Problem> {
        let log = self.live.find(bot_id)?;
        let question = ExecuteCommand {
            command_id: new_command_id(),
            bot_id: Some(bot_id.to_string()),
            backtest_id: None,
            command: command.name(),
            arguments: command.arguments(),
        };
        let answer = match self.begin_command(&log) {
            Err(busy) => busy,
            Ok(registration) => {
                let _end = EndOfCommand::new(&self.live, &log);
                ask(&*self.link, registration, &question, TIME_LIMIT).await
            }
        };
        let outcome = CommandOutcome::new(question.command_id, answer);
        if log.is_closed() {
            return Ok(outcome);
        }
        self.live.write(&log, |scribe| {
            let result = CommandResult {
                command: command.name(),
                by,
                outcome: &outcome,
            };
            scribe.durable("CommandResult", scribe.now.wall, &result);
        });
        self.live.shown(&[log]).await;
        Ok(outcome)
    }

    /// One command at a time: a second one meanwhile is told so.
    fn begin_command(&self, log: &EventLog<Bot>) -> Result<Option<Registration>, Answer> {
        self.live.write(log, |scribe| {
            let bot = scribe.state();
            if std::mem::replace(bot.is_commanded(), true) {
                return Err(Answer::busy());
            }
            Ok(bot.registration().clone())
        })
    }
}
