//! What hubs, the HTTP API and the assistant do with backtests.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::backtest::{Backtest, BacktestSnapshot};
use super::bundles::{self, BundleUpdated};
use super::event::State;
use super::taking;
use crate::eventlog::{Epoch, EventLog, SharedLogs};
use crate::problem::{Code, Problem};
use crate::signalr::hub::HubContext;
use crate::trading::audience::Gate;
use crate::trading::bots::{LogLine, Numbered};
use crate::trading::clock::Clock;
use crate::trading::commands::{
    Answer, CommandOutcome, ExecuteCommand, TIME_LIMIT, WorkerLink, ask, new_command_id,
};
use crate::trading::fleet::{Missing, Request, Special, json};
use crate::trading::ids::Id;
use crate::trading::link::deliver;
use crate::trading::live::Live;
use crate::trading::paging::{Page, PageRequest, cut};
use crate::trading::report::Receipt;
use crate::trading::subject::Subject;
use crate::trading::subscribing::{Since, Subscribed, Told, Wanted};
use crate::trading::workers::{Registration, Reporter};

/// All backtests, whatever instance writes them.
pub struct BacktestService {
    pub live: Arc<Live<Backtest>>,
    link: Arc<dyn WorkerLink>,
}

/// What a subscription is answered with: as for bots, and how the bundles stand.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SubscribedBacktests {
    #[serde(flatten)]
    pub backtests: Subscribed<BacktestSnapshot>,
    pub bundles: Vec<BundleUpdated>,
}

/// What a viewer wants to see; all if it names nothing.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub backtest_ids: Option<Vec<Id>>,
    pub bundle_id: Option<Id>,
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

impl Selection {
    fn topics(&self) -> Option<Vec<Id>> {
        if self.backtest_ids.is_none() && self.bundle_id.is_none() {
            return None;
        }
        let mut topics = self.backtest_ids.clone().unwrap_or_default();
        topics.extend(self.bundle_id.as_deref().map(bundles::topic));
        Some(topics)
    }

    /// Whether bundles can be seen through it.
    fn shows_bundles(&self) -> bool {
        self.bundle_id.is_some() || self.backtest_ids.is_none()
    }
}

impl BacktestService {
    /// With `logs`, the backtests of the other instances are here too.
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
            let snapshot = is_wanted.then(|| (number, self.live.snapshot(&log, false)));
            logs.push(log);
            snapshot
        });
        let page = cut(found, request.limit());
        self.live.shown(&logs).await;
        Ok(page)
    }

    pub async fn get(&self, backtest_id: &str) -> Result<BacktestSnapshot, Problem> {
        let log = self.live.look_up(backtest_id).await?;
        let snapshot = self.live.snapshot(&log, true);
        self.live.shown(&[log]).await;
        Ok(snapshot)
    }

    pub async fn trades(
        &self,
        backtest_id: &str,
        request: &PageRequest,
    ) -> Result<Page<Numbered<Map<String, Value>>>, Problem> {
        let log = self.live.look_up(backtest_id).await?;
        let page = log.read(|backtest, _| backtest.trades.page(request))?;
        self.live.shown(&[log]).await;
        Ok(page)
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
    pub fn subscribe(
        &self,
        connection: &Id,
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
        let (backtests, gate, told) = self.live.subscribe(connection, &wanted, members, since);
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

    /// Prepares a viewer that may watch already for another subscription: nothing of the former one
    /// is under way afterwards, so nothing of it can come after the new answer. And it looks for the
    /// backtests that are wanted.
    pub async fn settle(&self, connection: &Id, selection: &Selection) -> Result<(), Problem> {
        match &selection.backtest_ids {
            Some(ids) => self.live.look_for(ids).await,
            None => self.live.knows_all().await?,
        }
        if self.live.delivering.audience.is_viewer(connection) {
            self.unsubscribe(connection, selection);
            self.live.delivering.barrier().await;
        }
        Ok(())
    }

    pub fn open(&self, gate: Arc<Gate>) {
        self.live.delivering.open(gate);
    }

    pub fn unsubscribe(&self, connection: &Id, selection: &Selection) {
        let audience = &self.live.delivering.audience;
        match selection.topics() {
            Some(topics) => audience.release(connection, &topics),
            None => audience.release_everything(connection),
        }
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

    /// Takes a worker's report in, all of it or nothing. Waits while viewers' events pile up.
    pub async fn report(
        &self,
        reporter: &Reporter,
        backtest_id: &Id,
        events: Vec<Value>,
        key: Option<String>,
    ) -> Result<Receipt, Problem> {
        self.live
            .report(reporter, backtest_id, events, key, Missing::Make)
            .await
    }

    /// Cancels a backtest, through its worker if it has one. Run it in a task of its own.
    pub async fn cancel(&self, backtest_id: &Id) -> Result<CommandOutcome, Problem> {
        let request = || Request::Cancel {
            id: backtest_id.to_string(),
        };
        let here = async || self.cancel_here(backtest_id).await;
        let outcome = self
            .live
            .at_home(backtest_id, Missing::NotFound, request, here)
            .await;
        match outcome {
            Err(problem) if problem.code == Code::StoreUnavailable => {
                Ok(CommandOutcome::unreachable())
            }
            outcome => outcome,
        }
    }

    async fn cancel_here(&self, backtest_id: &Id) -> Result<CommandOutcome, Problem> {
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
                let _end = EndOfCommand(self, &log);
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
                let is_busy = std::mem::replace(&mut backtest.is_commanded, true);
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

    /// Removes a backtest for good; viewers learn it from a last `BacktestRemoved`.
    pub async fn remove(&self, backtest_id: &Id) -> Result<(), Problem> {
        self.live.remove(backtest_id).await
    }

    pub fn disconnected(&self, connection: &Id) {
        self.live.disconnected(connection);
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

/// Lets the next command in, also when this one was given up.
struct EndOfCommand<'a>(&'a BacktestService, &'a EventLog<Backtest>);

impl Drop for EndOfCommand<'_> {
    fn drop(&mut self) {
        self.0
            .live
            .write(self.1, |scribe| scribe.state().is_commanded = false);
    }
}
