//! `/bothub`: live trading bots, for viewers, operators and workers.

use std::sync::Arc;

use super::request::{Request, viewer};
use crate::signalr::hub::{Hub, HubCallerContext, HubError, HubResult, Methods};
use crate::trading::BotService;
use crate::trading::bots::{BotCommand, BotSnapshot, LogLine, Numbered, Order, Registered, Trade};
use crate::trading::commands::CommandOutcome;
use crate::trading::fleet::Missing;
use crate::trading::ids::Id;
use crate::trading::paging::Page;
use crate::trading::report::Receipt;
use crate::trading::subscribing::Subscribed;
use crate::trading::workers::Reporter;

/// What .NET senders call this hub.
pub const TYPE_NAME: &str = "Managing.Api.Hubs.BotHub";

pub struct BotHub {
    bots: Arc<BotService>,
}

impl Hub for BotHub {
    fn methods(methods: &mut Methods<Self>) {
        methods
            .method("ListBots", Self::list)
            .requires_role("viewer");
        methods
            .method("SubscribeBots", Self::subscribe)
            .requires_role("viewer");
        methods
            .method("UnsubscribeBots", Self::unsubscribe)
            .requires_role("viewer");
        methods.method("GetBot", Self::get).requires_role("viewer");
        methods
            .method("GetTrades", Self::trades)
            .requires_role("viewer");
        methods
            .method("GetOrders", Self::orders)
            .requires_role("viewer");
        methods
            .method("GetLogs", Self::logs)
            .requires_role("viewer");

        methods
            .method("StartBot", Self::start)
            .requires_role("operator");
        methods
            .method("StopBot", Self::stop)
            .requires_role("operator");
        methods
            .method("PauseBot", Self::pause)
            .requires_role("operator");
        methods
            .method("ResumeBot", Self::resume)
            .requires_role("operator");
        methods
            .method("ForceExit", Self::force_exit)
            .requires_role("operator");

        methods
            .method("RegisterBots", Self::register)
            .requires_role("worker");
        methods
            .method("ReportBotEvents", Self::report)
            .requires_role("worker");
        methods
            .method("Heartbeat", Self::heartbeat)
            .requires_role("worker");
    }

    async fn on_disconnected(
        &self,
        context: &HubCallerContext,
        _: Option<&HubError>,
    ) -> HubResult<()> {
        self.bots.live.disconnected(&context.connection_id().into());
        Ok(())
    }
}

impl BotHub {
    pub fn new(bots: Arc<BotService>) -> Self {
        Self { bots }
    }

    async fn list(&self, _: &HubCallerContext) -> HubResult<Vec<BotSnapshot>> {
        Ok(self.bots.list().await?)
    }

    async fn get(&self, _: &HubCallerContext, request: Request) -> HubResult<BotSnapshot> {
        Ok(self.bots.live.get(&request.id("botId")?).await?)
    }

    async fn trades(
        &self,
        _: &HubCallerContext,
        request: Request,
    ) -> HubResult<Page<Numbered<Trade>>> {
        Ok(self
            .bots
            .trades(&request.id("botId")?, &request.page()?)
            .await?)
    }

    async fn orders(
        &self,
        _: &HubCallerContext,
        request: Request,
    ) -> HubResult<Page<Numbered<Order>>> {
        Ok(self
            .bots
            .orders(&request.id("botId")?, &request.page()?)
            .await?)
    }

    async fn logs(
        &self,
        _: &HubCallerContext,
        request: Request,
    ) -> HubResult<Page<Numbered<LogLine>>> {
        Ok(self
            .bots
            .logs(&request.id("botId")?, &request.page()?)
            .await?)
    }

    async fn subscribe(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<Subscribed<BotSnapshot>> {
        let (ids, since) = (request.optional_ids("botIds")?, request.since()?);
        let connection = Id::from(context.connection_id());
        let topics = ids.as_deref();
        self.bots.live.settle(&connection, topics, topics).await?;
        // Nothing is waited for between this and the subscription: who leaves later ends it.
        if context.is_aborted() {
            return Err(HubError::new("the connection is gone"));
        }
        let viewer = viewer(context);
        let (answer, gate, told) = self.bots.subscribe(&viewer, ids, &since).await;
        self.bots.live.shown(&told).await;
        let bots = self.bots.clone();
        context.after_completion(move || bots.live.delivering.open(gate));
        Ok(answer)
    }

    async fn unsubscribe(&self, context: &HubCallerContext, request: Request) -> HubResult<()> {
        let ids = request.optional_ids("botIds")?;
        let connection = Id::from(context.connection_id());
        self.bots.live.unsubscribe(&connection, ids.as_deref());
        Ok(())
    }

    async fn start(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<CommandOutcome> {
        self.command(context, &request, BotCommand::Start).await
    }

    async fn stop(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<CommandOutcome> {
        let command = BotCommand::stop(request.member("mode"))?;
        self.command(context, &request, command).await
    }

    async fn pause(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<CommandOutcome> {
        self.command(context, &request, BotCommand::Pause).await
    }

    async fn resume(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<CommandOutcome> {
        self.command(context, &request, BotCommand::Resume).await
    }

    async fn force_exit(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<CommandOutcome> {
        let command = BotCommand::force_exit(&request.id("tradeId")?)?;
        self.command(context, &request, command).await
    }

    async fn register(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<Registered> {
        let ids = request.ids("botIds")?;
        let heartbeat = request.optional_number("heartbeatMs")?;
        if context.is_aborted() {
            return Err(HubError::new("the connection is gone"));
        }
        let connection = Id::from(context.connection_id());
        let registered = self.bots.register(&connection, &ids, heartbeat).await;
        if context.is_aborted() {
            // It left meanwhile, and may have been told of before.
            self.bots.live.disconnected(&connection);
        }
        Ok(registered?)
    }

    async fn report(&self, context: &HubCallerContext, request: Request) -> HubResult<Receipt> {
        let bot_id = request.id("botId")?;
        let key = request.optional_text("idempotencyKey")?;
        let events = request.into_events()?;
        let reporter = Reporter::Connection(context.connection_id().into());
        let report = self
            .bots
            .live
            .report(&reporter, &bot_id, events, key, Missing::Make);
        Ok(report.await?)
    }

    async fn heartbeat(&self, context: &HubCallerContext, request: Request) -> HubResult<Receipt> {
        let bot_id = request.id("botId")?;
        let more = request.into_members();
        let reporter = Reporter::Connection(context.connection_id().into());
        Ok(self.bots.heartbeat(&reporter, &bot_id, more).await?)
    }

    /// In a task of its own: a command ends, and everybody learns how, even if the caller leaves.
    async fn command(
        &self,
        context: &HubCallerContext,
        request: &Request,
        command: BotCommand,
    ) -> HubResult<CommandOutcome> {
        let bot_id = request.id("botId")?;
        let by = context.user_id().unwrap_or("anonymous").to_owned();
        let bots = self.bots.clone();
        let command = async move { bots.command(&bot_id, command, &by).await };
        super::request::in_a_task(command).await
    }
}
