//! `/backtesthub`: backtests and bundles, for viewers, operators and workers.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::request::{Request, in_a_task, viewer};
use crate::problem::Problem;
use crate::signalr::hub::{Hub, HubCallerContext, HubError, HubResult, Methods};
use crate::trading::BacktestService;
use crate::trading::backtests::{
    BacktestSnapshot, RegisteredBacktests, Selection, State, SubscribedBacktests,
};
use crate::trading::bots::{LogLine, Numbered};
use crate::trading::commands::CommandOutcome;
use crate::trading::fleet::Missing;
use crate::trading::ids::Id;
use crate::trading::paging::Page;
use crate::trading::report::Receipt;
use crate::trading::workers::Reporter;

/// What .NET senders call this hub.
pub const TYPE_NAME: &str = "Managing.Api.Hubs.BacktestHub";

pub struct BacktestHub {
    backtests: Arc<BacktestService>,
}

impl Hub for BacktestHub {
    fn methods(methods: &mut Methods<Self>) {
        let viewer = "viewer";
        methods
            .method("ListBacktests", Self::list)
            .requires_role(viewer);
        methods
            .method("GetBacktest", Self::get)
            .requires_role(viewer);
        methods
            .method("GetTrades", Self::trades)
            .requires_role(viewer);
        methods.method("GetLogs", Self::logs).requires_role(viewer);
        methods
            .method("SubscribeBacktests", Self::subscribe)
            .requires_role(viewer);
        methods
            .method("UnsubscribeBacktests", Self::unsubscribe)
            .requires_role(viewer);
        methods
            .method("CancelBacktest", Self::cancel)
            .requires_role("operator");
        methods
            .method("RegisterBacktests", Self::register)
            .requires_role("worker");
        methods
            .method("ReportBacktestEvents", Self::report)
            .requires_role("worker");
    }

    async fn on_disconnected(
        &self,
        context: &HubCallerContext,
        _: Option<&HubError>,
    ) -> HubResult<()> {
        self.backtests
            .live
            .disconnected(&context.connection_id().into());
        Ok(())
    }
}

impl BacktestHub {
    pub fn new(backtests: Arc<BacktestService>) -> Self {
        Self { backtests }
    }

    async fn list(
        &self,
        _: &HubCallerContext,
        request: Request,
    ) -> HubResult<Page<BacktestSnapshot>> {
        let bundle_id = request.optional_id("bundleId")?;
        let state = Option::<State>::deserialize(request.member("state"))
            .map_err(|_| Problem::invalid("`state` is none of a backtest's states"))?;
        let page = self
            .backtests
            .list(bundle_id.as_ref(), state, &request.page()?)
            .await?;
        Ok(page)
    }

    async fn get(&self, _: &HubCallerContext, request: Request) -> HubResult<BacktestSnapshot> {
        Ok(self.backtests.live.get(&request.id("backtestId")?).await?)
    }

    async fn trades(
        &self,
        _: &HubCallerContext,
        request: Request,
    ) -> HubResult<Page<Numbered<Map<String, Value>>>> {
        let backtest_id = request.id("backtestId")?;
        Ok(self
            .backtests
            .trades(&backtest_id, &request.page()?)
            .await?)
    }

    async fn logs(
        &self,
        _: &HubCallerContext,
        request: Request,
    ) -> HubResult<Page<Numbered<LogLine>>> {
        let backtest_id = request.id("backtestId")?;
        Ok(self.backtests.logs(&backtest_id, &request.page()?).await?)
    }

    async fn subscribe(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<SubscribedBacktests> {
        let (selection, since) = (selection(&request)?, request.since()?);
        let connection = Id::from(context.connection_id());
        let (ids, topics) = (selection.backtest_ids.as_deref(), selection.topics());
        let live = &self.backtests.live;
        live.settle(&connection, ids, topics.as_deref()).await?;
        // Nothing is waited for between this and the subscription: who leaves later ends it.
        if context.is_aborted() {
            return Err(HubError::new("the connection is gone"));
        }
        let viewer = viewer(context);
        let subscribed = self.backtests.subscribe(&viewer, &selection, &since).await;
        let (answer, gate, told) = subscribed;
        self.backtests.live.shown(&told).await;
        let backtests = self.backtests.clone();
        context.after_completion(move || backtests.live.delivering.open(gate));
        Ok(answer)
    }

    async fn unsubscribe(&self, context: &HubCallerContext, request: Request) -> HubResult<()> {
        let connection = Id::from(context.connection_id());
        let topics = selection(&request)?.topics();
        self.backtests
            .live
            .unsubscribe(&connection, topics.as_deref());
        Ok(())
    }

    async fn cancel(&self, _: &HubCallerContext, request: Request) -> HubResult<CommandOutcome> {
        let backtest_id = request.id("backtestId")?;
        let backtests = self.backtests.clone();
        in_a_task(async move { backtests.cancel(&backtest_id).await }).await
    }

    async fn register(
        &self,
        context: &HubCallerContext,
        request: Request,
    ) -> HubResult<RegisteredBacktests> {
        let ids = request.ids("backtestIds")?;
        if context.is_aborted() {
            return Err(HubError::new("the connection is gone"));
        }
        let connection = Id::from(context.connection_id());
        let registered = self.backtests.register(&connection, &ids).await;
        if context.is_aborted() {
            // It left meanwhile, and may have been told of before.
            self.backtests.live.disconnected(&connection);
        }
        Ok(registered?)
    }

    async fn report(&self, context: &HubCallerContext, request: Request) -> HubResult<Receipt> {
        let backtest_id = request.id("backtestId")?;
        let key = request.optional_text("idempotencyKey")?;
        let events = request.into_events()?;
        let reporter = Reporter::Connection(context.connection_id().into());
        let live = &self.backtests.live;
        let report = live.report(&reporter, &backtest_id, events, key, Missing::Make);
        Ok(report.await?)
    }
}

fn selection(request: &Request) -> Result<Selection, Problem> {
    Ok(Selection {
        backtest_ids: request.optional_ids("backtestIds")?,
        bundle_id: request.optional_id("bundleId")?,
    })
}
