//! What hubs, the HTTP API and the assistant do with bots.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};

use super::bot::{Bot, DEFAULT_HEARTBEAT};
use super::event::{LogLine, Order, Trade};
use super::view::{BotSnapshot, Numbered};
use crate::eventlog::{Epoch, SharedLogs};
use crate::problem::{Code, Problem};
use crate::signalr::hub::HubContext;
use crate::trading::accepting::not_registered;
use crate::trading::audience::Gate;
use crate::trading::clock::Clock;
use crate::trading::commands::WorkerLink;
use crate::trading::fleet::{Missing, Request, Special, json};
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::paging::{Page, PageRequest};
use crate::trading::report::Receipt;
use crate::trading::subject::Extent;
use crate::trading::subscribing::{Since, Subscribed, Told, Viewer, Wanted};
use crate::trading::workers::Reporter;

/// Heartbeats between these are accepted, in milliseconds.
const HEARTBEATS: std::ops::RangeInclusive<u64> = 100..=3_600_000;

/// All bots, whatever instance writes them.
pub struct BotService {
    pub live: Arc<Live<Bot>>,
    pub(super) link: Arc<dyn WorkerLink>,
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
    /// With `logs`, the bots of the other instances are here too. `history` is
    /// about the most bytes for what has happened.
    pub fn new(
        clock: Clock,
        link: Arc<dyn WorkerLink>,
        logs: Option<SharedLogs>,
        history: usize,
    ) -> Arc<Self> {
        let live = Live::new(clock, logs, history);
        Arc::new(Self { live, link })
    }

    /// See [`Live::serve`].
    pub async fn run(self: Arc<Self>, context: HubContext) {
        let service = self.clone();
        let special: Rc<Special> = Rc::new(move |request| service.clone().answer(request));
        self.live.clone().serve(context, special).await;
    }

    /// All bots without their arrays, in the order of their ids.
    pub async fn list(&self) -> Result<Vec<BotSnapshot>, Problem> {
        self.live.knows_all().await?;
        let logs = self.live.all();
        let snapshots = logs.iter().map(|log| self.live.snapshot(log, Extent::Line));
        let mut list: Vec<BotSnapshot> = snapshots.collect();
        self.live.shown(&logs).await;
        list.sort_unstable_by(|one, other| one.bot_id.cmp(&other.bot_id));
        Ok(list)
    }

    pub async fn trades(
        &self,
        bot_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<Trade>>, Problem> {
        let cut = |bot: &Bot| bot.view.trades.page(request);
        self.live.page(bot_id, cut).await
    }

    pub async fn orders(
        &self,
        bot_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<Order>>, Problem> {
        let cut = |bot: &Bot| bot.view.orders.page(request);
        self.live.page(bot_id, cut).await
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
    /// [`Delivering::open`](crate::trading::delivery::Delivering::open) when the answer has left, which may be when [`Live::shown`] has waited
    /// for what it tells of.
    pub async fn subscribe(
        &self,
        viewer: &Viewer,
        bot_ids: Option<Vec<Id>>,
        since: &Since,
    ) -> (Subscribed<BotSnapshot>, Arc<Gate>, Told<Bot>) {
        let wanted = bot_ids.map_or(Wanted::Everything, Wanted::Topics);
        let members = || match &wanted {
            Wanted::Everything => self.live.all(),
            Wanted::Topics(ids) => ids
                .iter()
                .filter_map(|id| self.live.find(id).ok())
                .collect(),
        };
        self.live.subscribe(viewer, &wanted, members, since).await
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
}
