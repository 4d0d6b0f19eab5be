//! What hubs, the HTTP API and the assistant do with bots.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::bot::{Bot, DEFAULT_HEARTBEAT};
use super::command::{BotCommand, CommandResult};
use super::event::{BotEvent, LogLine, Order, Trade};
use super::view::{BotSnapshot, Numbered};
use crate::eventlog::{Epoch, EventLog};
use crate::problem::Problem;
use crate::signalr::hub::HubContext;
use crate::trading::audience::Gate;
use crate::trading::clock::Clock;
use crate::trading::commands::{
    Answer, CommandOutcome, ExecuteCommand, TIME_LIMIT, WorkerLink, ask, new_command_id,
};
use crate::trading::ids::Id;
use crate::trading::link::deliver;
use crate::trading::live::{Live, not_registered};
use crate::trading::paging::{Page, PageRequest};
use crate::trading::report::{Receipt, Report};
use crate::trading::subject::{Reported, Subject};
use crate::trading::subscribing::{Since, Subscribed, Wanted};
use crate::trading::workers::{Registration, Reporter};

/// Heartbeats between these are accepted, in milliseconds.
const HEARTBEATS: std::ops::RangeInclusive<u64> = 100..=3_600_000;

/// All bots of this instance.
pub struct BotService {
    pub live: Live<Bot>,
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
    pub fn new(clock: Clock, link: Arc<dyn WorkerLink>) -> Arc<Self> {
        let live = Live::new(clock);
        Arc::new(Self { live, link })
    }

    /// Sends events to viewers and watches the clock, for ever. Run it in a task of its own.
    pub async fn run(self: Arc<Self>, context: HubContext) {
        self.live.run(|delivery| deliver(&context, delivery)).await;
    }

    /// All bots without their arrays, in the order of their ids.
    pub fn list(&self) -> Vec<BotSnapshot> {
        let logs = self.live.all();
        let snapshots = logs.iter().map(|log| self.live.snapshot(log, false));
        let mut list: Vec<BotSnapshot> = snapshots.collect();
        list.sort_unstable_by(|one, other| one.bot_id.cmp(&other.bot_id));
        list
    }

    pub fn get(&self, bot_id: &str) -> Result<BotSnapshot, Problem> {
        let log = self.live.find(bot_id)?;
        Ok(self.live.snapshot(&log, true))
    }

    pub fn trades(
        &self,
        bot_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<Trade>>, Problem> {
        let log = self.live.find(bot_id)?;
        log.read(|bot, _| bot.view.trades.page(request))
    }

    pub fn orders(
        &self,
        bot_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<Order>>, Problem> {
        let log = self.live.find(bot_id)?;
        log.read(|bot, _| bot.view.orders.page(request))
    }

    pub fn logs(
        &self,
        bot_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<LogLine>>, Problem> {
        let log = self.live.find(bot_id)?;
        log.read(|bot, _| bot.view.logs.page(request))
    }

    /// Subscribes a viewer, to all bots if it names none. The gate is to be opened with
    /// [`BotService::open`] when the answer has left.
    pub fn subscribe(
        &self,
        connection: &Id,
        bot_ids: Option<Vec<Id>>,
        since: &Since,
    ) -> (Subscribed<BotSnapshot>, Arc<Gate>) {
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
    /// is under way afterwards, so nothing of it can come after the new answer.
    pub async fn settle(&self, connection: &Id, bot_ids: Option<&[Id]>) {
        if self.live.delivering.audience.is_viewer(connection) {
            self.unsubscribe(connection, bot_ids);
            self.live.delivering.barrier().await;
        }
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

    pub fn register(
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
        let positions = self.live.register(connection, bot_ids, heartbeat_ms)?;
        let bots = bot_ids.iter().zip(positions);
        let bots = bots.map(|(bot_id, at)| RegisteredBot {
            bot_id: bot_id.to_string(),
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
        let report = Report::read(events, key)?;
        self.live.delivering.room().await;
        self.live.report(reporter, bot_id, report)
    }

    /// A sign of life, with whatever the worker wants to tell besides. Creates nothing.
    pub async fn heartbeat(
        &self,
        reporter: &Reporter,
        bot_id: &Id,
        more: Map<String, Value>,
    ) -> Result<Receipt, Problem> {
        if self.live.find(bot_id).is_err() {
            return Err(not_registered());
        }
        let event = BotEvent::BotHeartbeat(more);
        Bot::check_event(&event).map_err(Problem::invalid)?;
        let report = Report {
            events: vec![Reported { ts: None, event }],
            key: None,
        };
        self.live.delivering.room().await;
        self.live.report(reporter, bot_id, report)
    }

    /// Carries a command to the bot's worker. What happens there is an outcome, not an error.
    /// Run it in a task of its own: it must end even if the one who asked goes away.
    pub async fn command(
        &self,
        bot_id: &Id,
        command: BotCommand,
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
        Ok(outcome)
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
    pub fn remove(&self, bot_id: &Id) -> Result<(), Problem> {
        self.live.remove(bot_id, |scribe| {
            scribe.durable("BotRemoved", scribe.now.wall, &Map::new());
        })
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
