//! What hubs, the HTTP API and the assistant do with backtests.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};

use super::backtest::Backtest;
use super::bundles;
use super::event::State;
use super::selection::{Selection, SubscribedBacktests};
use super::snapshot::BacktestSnapshot;
use crate::eventlog::{Epoch, EventLog, SharedLogs};
use crate::problem::Problem;
use crate::signalr::hub::HubContext;
use crate::trading::audience::Gate;
use crate::trading::bots::{LogLine, Numbered};
use crate::trading::clock::Clock;
use crate::trading::commands::WorkerLink;
use crate::trading::fleet::{Request, Special, json};
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::paging::{Page, PageRequest, cut};
use crate::trading::subject::Extent;
use crate::trading::subscribing::{Since, Told, Viewer, Wanted};

/// All backtests, whatever instance writes them.
pub struct BacktestService {
    pub live: Arc<Live<Backtest>>,
    pub(super) link: Arc<dyn WorkerLink>,
}

/// What a worker gets to know when it registers.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RegisteredBacktests {
    pub backtests: Vec<RegisteredBacktest>,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RegisteredBacktest {
    pub backtest_id: String,
    pub epoch: Epoch,
    pub seq: u64,
}

impl BacktestService {
    /// With `logs`, the backtests of the other instances are here too. `history` is
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

    /// A page of backtests without their curves, newest first.
    pub async fn list(
        &self,
        bundle_id: Option<&Id>,
        state: Option<State>,
        request: &PageRequest,
    ) -> Result<Page<BacktestSnapshot>, Problem> {
        self.live.knows_all().await?;
        let newest_first = self.newest_first(request.before()?).into_iter();
        let mut logs = Vec::new();
        let found = newest_first.filter_map(|(number, id)| {
            let log = self.live.find(&id).ok()?;
            let is_wanted = log.read(|backtest, _| {
                state.is_none_or(|state| backtest.state == state)
                    && bundle_id.is_none_or(|id| backtest.bundle.as_ref() == Some(id))
            });
            let snapshot = is_wanted.then(|| (number, self.live.snapshot(&log, Extent::Line)));
            logs.push(log);
            snapshot
        });
        let page = cut(found, request.limit());
        self.live.shown(&logs).await;
        Ok(page)
    }

    pub async fn trades(
        &self,
        backtest_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<Map<String, Value>>>, Problem> {
        let cut = |backtest: &Backtest| backtest.trades.page(request);
        self.live.page(backtest_id, cut).await
    }

    /// Log lines as their writer has them; if that one does not answer, those that viewers here
    /// were shown.
    pub async fn logs(
        &self,
        backtest_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<LogLine>>, Problem> {
        let log = self.live.look_up(backtest_id).await?;
        let read = || log.read(|backtest, _| backtest.logs.page(request));
        self.live.lines(backtest_id, request, read).await
    }

    /// Subscribes a viewer. The gate is to be opened when the answer has left, which may be when
    /// [`Live::shown`] has waited for what it tells of.
    pub async fn subscribe(
        &self,
        viewer: &Viewer,
        selection: &Selection,
        since: &Since,
    ) -> (SubscribedBacktests, Arc<Gate>, Told<Backtest>) {
        let wanted = selection
            .topics()
            .map_or(Wanted::Everything, Wanted::Topics);
        let members = || match wanted {
            Wanted::Everything => self.live.all(),
            Wanted::Topics(_) => self.members(selection),
        };
        let subscribed = self.live.subscribe(viewer, &wanted, members, since).await;
        let (backtests, gate, told) = subscribed;
        let mut bundles = Vec::new();
        if selection.shows_bundles() {
            let look = |bundle: &Id| {
                let up_to = self.live.delivering.next_order();
                gate.told(&bundles::topic(bundle), up_to);
            };
            let (bundle_id, now) = (selection.bundle_id.as_ref(), self.live.clock.now());
            bundles = self.live.shared.bundles.read(bundle_id, now, look);
        }
        (SubscribedBacktests { backtests, bundles }, gate, told)
    }

    pub async fn register(
        &self,
        connection: &Id,
        backtest_ids: &[Id],
    ) -> Result<RegisteredBacktests, Problem> {
        let registered = self.live.register(connection, backtest_ids, 0);
        let backtests = registered.await?.into_iter().map(|at| RegisteredBacktest {
            backtest_id: at.id,
            epoch: at.epoch,
            seq: at.seq,
        });
        Ok(RegisteredBacktests {
            backtests: backtests.collect(),
        })
    }

    /// What another instance asks of the writer of a backtest.
    fn answer(
        self: Arc<Self>,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Value, Problem>> {
        Box::pin(async move {
            match request {
                Request::Cancel { id } => json(self.cancel_here(&id.into()).await),
                Request::Lines { id, page } => {
                    let log = self.live.find(&id)?;
                    json(log.read(|backtest, _| backtest.logs.page(&page)))
                }
                _ => Err(Problem::invalid("backtests cannot be asked that")),
            }
        })
    }

    fn members(&self, selection: &Selection) -> Vec<Arc<EventLog<Backtest>>> {
        let mut ids = selection.backtest_ids.clone().unwrap_or_default();
        if let Some(bundle) = &selection.bundle_id {
            ids.extend(self.live.shared.bundles.members(bundle));
        }
        ids.sort_unstable();
        ids.dedup();
        ids.iter()
            .filter_map(|id| self.live.find(id).ok())
            .collect()
    }

    fn newest_first(&self, before: u64) -> Vec<(u64, Id)> {
        let index = self.live.shared.index();
        // No id is empty, so this comes before all of that number.
        let before = (before, Id::from(""));
        index.range(..before).rev().cloned().collect()
    }
}
