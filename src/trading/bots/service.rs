//! What hubs, the HTTP API and the assistant do with bots.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};

use super::bot::{Bot, DEFAULT_HEARTBEAT};
use super::command::{BotCommand, CommandResult};
use super::event::{LogLine, Order, Trade};
use super::view::{BotSnapshot, Numbered};
use crate::eventlog::{Epoch, EventLog, SharedLogs};
use crate::problem::{Code, Problem};
use crate::signalr::hub::HubContext;
use crate::trading::audience::Gate;
use crate::trading::clock::Clock;
use crate::trading::commands::{
    Answer, CommandOutcome, ExecuteCommand, TIME_LIMIT, WorkerLink, ask, new_command_id,
};
use crate::trading::fleet::{Missing, Request, Special, json};
use crate::trading::ids::Id;
use crate::trading::link::deliver;
use crate::trading::live::{Live, not_registered};
use crate::trading::paging::{Page, PageRequest};
use crate::trading::report::Receipt;
use crate::trading::subject::Subject;
use crate::trading::subscribing::{Since, Subscribed, Told, Wanted};
use crate::trading::workers::{Registration, Reporter};

/// Heartbeats between these are accepted, in milliseconds.
const HEARTBEATS: std::ops::RangeInclusive<u64> = 100..=3_600_000;

/// All bots, whatever instance writes them.
pub struct BotService {
    pub live: Arc<Live<Bot>>,
    link: Arc<dyn WorkerLink>,
}

/// What a worker gets to know when it registers.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "RegisteredBots"))]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    pub bots: Vec<RegisteredBot>,
    pub heartbeat_ms: u64,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RegisteredBot {
    pub bot_id: String,
    pub epoch: Epoch,
    pub seq: u64,
}

impl BotService {
    /// With `logs`, the bots of the other instances are here too.
    pub fn new(clock: Clock, link: Arc<dyn WorkerLink>, logs: Option<SharedLogs>) -> Arc<Self> {
        let live = Live::new(clock, logs);
        Arc::new(Self { live, link })
    }

    /// Sends events to viewers, watches the clock, and works with the other instances, for ever.
    /// Run it in a task of its own of a `LocalSet`.
    pub async fn run(self: Arc<Self>, context: HubContext) {
        let service = self.clone();
        let special: Rc<Special> = Rc::new(move |request| service.clone().answer(request));
        let fleet = self.live.clone().run_fleet(special);
        let live = self.live.run(|delivery| deliver(&context, delivery));
        tokio::join!(live, fleet);
    }

    /// All bots without their arrays, in the order of their ids.
    pub async fn list(&self) -> Result<Vec<BotSnapshot>, Problem> {
        self.live.knows_all().await?;
        let logs = self.live.all();
        let snapshots = logs.iter().map(|log| self.live.snapshot(log, false));
        let mut list: Vec<BotSnapshot> = snapshots.collect();
        self.live.shown(&logs).await;
        list.sort_unstable_by(|one, other| one.bot_id.cmp(&other.bot_id));
        Ok(list)
    }

    pub async fn get(&self, bot_id: &str) -> Result<BotSnapshot, Problem> {
        let log = self.live.look_up(bot_id).await?;
        let snapshot = self.live.snapshot(&log, true);
        self.live.shown(&[log]).await;
        Ok(snapshot)
    }

    pub async fn trades(
        &self,
        bot_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<Trade>>, Problem> {
        let log = self.live.look_up(bot_id).await?;
        let page = log.read(|bot, _| bot.view.trades.page(request))?;
        self.live.shown(&[log]).await;
        Ok(page)
    }

    pub async fn orders(
        &self,
        bot_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<Order>>, Problem> {
        let log = self.live.look_up(bot_id).await?;
        let page = log.read(|bot, _| bot.view.orders.page(request))?;
        self.live.shown(&[log]).await;
        Ok(page)
    }

    /// Log lines as their writer has them; if that one does not answer, those that viewers here
    /// were shown.
    pub async fn logs(
        &self,
        bot_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<LogLine>>, Problem> {
        let log = self.live.look_up(bot_id).await?;
        let read = || log.read(|bot, _| bot.view.logs.page(request));
        self.live.lines(bot_id, request, read).await
    }

    /// Subscribes a viewer, to all bots if it names none. The gate is to be opened with
    /// [`BotService::open`] when the answer has left, which may be when [`Live::shown`] has waited
    /// for what it tells of.
    pub fn subscribe(
        &self,
        connection: &Id,
        bot_ids: Option<Vec<Id>>,
        since: &Since,
    ) -> (Subscribed<BotSnapshot>, Arc<Gate>, Told<Bot>) {
        let Some(ids) = bot_ids else {
            let everything = Wanted::Everything;
            let members = || self.live.all();
            return self.live.subscribe(connection, &everything, members, since);
        };
        let known = ids.clone();
        let members = || -> Vec<Arc<EventLog<Bot>>> {
            let found = known.iter().filter_map(|id| self.live.find(id).ok());
            found.collect()
        };
        self.live
            .subscribe(connection, &Wanted::Topics(ids), members, since)
    }

    /// Prepares a viewer that may watch already for another subscription: nothing of the former one
    /// is under way afterwards, so nothing of it can come after the new answer. And it looks for the
    /// bots that are wanted.
    pub async fn settle(&self, connection: &Id, bot_ids: Option<&[Id]>) -> Result<(), Problem> {
        match bot_ids {
            Some(ids) => self.live.look_for(ids).await,
            None => self.live.knows_all().await?,
        }
        if self.live.delivering.audience.is_viewer(connection) {
            self.unsubscribe(connection, bot_ids);
            self.live.delivering.barrier().await;
        }
        Ok(())
    }

    pub fn open(&self, gate: Arc<Gate>) {
        self.live.delivering.open(gate);
    }

    pub fn unsubscribe(&self, connection: &Id, bot_ids: Option<&[Id]>) {
        let audience = &self.live.delivering.audience;
        match bot_ids {
            Some(ids) => audience.release(connection, ids),
            None => audience.release_everything(connection),
        }
    }

    pub async fn register(
        &self,
        connection: &Id,
        bot_ids: &[Id],
        heartbeat: Option<u64>,
    ) -> Result<Registered, Problem> {
        let heartbeat_ms = heartbeat.unwrap_or(DEFAULT_HEARTBEAT);
        if !HEARTBEATS.contains(&heartbeat_ms) {
            let message = "`heartbeatMs` must be between 100 and 3600000";
            return Err(Problem::invalid(message));
        }
        let registered = self.live.register(connection, bot_ids, heartbeat_ms);
        let bots = registered.await?.into_iter().map(|at| RegisteredBot {
            bot_id: at.id,
            epoch: at.epoch,
            seq: at.seq,
        });
        Ok(Registered {
            bots: bots.collect(),
            heartbeat_ms,
        })
    }

    /// Takes a worker's report in, all of it or nothing. Waits while viewers' events pile up.
    pub async fn report(
        &self,
        reporter: &Reporter,
        bot_id: &Id,
        events: Vec<Value>,
        key: Option<String>,
    ) -> Result<Receipt, Problem> {
        self.live
            .report(reporter, bot_id, events, key, Missing::Make)
            .await
    }

    /// A sign of life, with whatever the worker wants to tell besides. Creates nothing.
    pub async fn heartbeat(
        &self,
        reporter: &Reporter,
        bot_id: &Id,
        mut more: Map<String, Value>,
    ) -> Result<Receipt, Problem> {
        more.remove("ts");
        more.insert("type".to_owned(), "BotHeartbeat".into());
        let events = vec![Value::Object(more)];
        let report = self
            .live
            .report(reporter, bot_id, events, None, Missing::NotFound);
        report.await.map_err(|problem| match problem.code {
            Code::NotFound => not_registered(),
            _ => problem,
        })
    }

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
        let outcome = self
            .live
            .at_home(bot_id, Missing::NotFound, request, here)
            .await;
        match outcome {
            Err(problem) if problem.code == Code::StoreUnavailable => {
                Ok(CommandOutcome::unreachable())
            }
            outcome => outcome,
        }
    }

    async fn command_here(
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
                let _end = EndOfCommand(self, &log);
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

    /// What another instance asks of the writer of a bot.
    fn answer(
        self: Arc<Self>,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Value, Problem>> {
        Box::pin(async move {
            match request {
                Request::Command { id, command, by } => {
                    json(self.command_here(&id.into(), &command, &by).await)
                }
                Request::Lines { id, page } => {
                    let log = self.live.find(&id)?;
                    json(log.read(|bot, _| bot.view.logs.page(&page)))
                }
                _ => Err(Problem::invalid("bots cannot be asked that")),
            }
        })
    }

    /// One command at a time: a second one meanwhile is told so.
    fn begin_command(&self, log: &EventLog<Bot>) -> Result<Option<Registration>, Answer> {
        self.live.write(log, |scribe| {
            let bot = scribe.state();
            if std::mem::replace(&mut bot.is_commanded, true) {
                return Err(Answer::busy());
            }
            Ok(bot.registration().clone())
        })
    }

    /// Removes a bot for good. Its worker has to register again before it can report.
    pub async fn remove(&self, bot_id: &Id) -> Result<(), Problem> {
        self.live.remove(bot_id).await
    }

    pub fn disconnected(&self, connection: &Id) {
        self.live.disconnected(connection);
    }
}

/// Lets the next command in, also when this one was given up.
struct EndOfCommand<'a>(&'a BotService, &'a EventLog<Bot>);

impl Drop for EndOfCommand<'_> {
    fn drop(&mut self) {
        self.0
            .live
            .write(self.1, |scribe| scribe.state().is_commanded = false);
    }
}
