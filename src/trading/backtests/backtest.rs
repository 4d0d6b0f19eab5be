//! A live backtest: where it stands, its curve, its worker, and what waits to be said about it.

use bytes::Bytes;
use serde_json::{Map, Value};
use smallvec::{SmallVec, smallvec};

use super::bundles::{self, Part};
use super::copying::{self, Kept};
use super::course::Standing;
use super::event::{self, BacktestEvent, EquityPoint, Failure, Progress, State};
use super::shared::SharedState;
use super::snapshot::BacktestSnapshot;
use super::taking;
use crate::eventlog::{self, Share};
use crate::problem::Problem;
use crate::trading::bots::{LogLine, Numbered};
use crate::trading::clock::{Moment, Timestamp};
use crate::trading::deadlines::{Alarm, Deadline, Purpose};
use crate::trading::history::History;
use crate::trading::ids::Id;
use crate::trading::pace::{Conflation, LineBudget};
use crate::trading::paging::Recent;
use crate::trading::report::bad_event;
use crate::trading::subject::{About, At, Extent, Reported, Scribe, Subject};
use crate::trading::workers::{Registration, Reporter};

/// Between two `BacktestProgress`: fewer than five in a second, and at most 250 ms late.
const PROGRESS_INTERVAL: u64 = 220;
/// How long a running backtest may be without a worker.
const LOST_AFTER: u64 = 10_000;
const WORKER_LOST: &str = "worker_lost";
const RECENT_ITEMS: usize = 2_000;
const RECENT_BYTES: usize = 512 * 1024;

#[derive(Debug)]
pub struct Backtest {
    pub(super) id: Id,
    /// Its place in the index.
    number: u64,
    pub(super) created: Timestamp,
    pub bundle: Option<Id>,
    pub(super) name: Option<String>,
    pub state: State,
    pub(super) progress: Progress,
    pub(super) equity: Vec<EquityPoint>,
    pub(super) trade_count: usize,
    pub(super) statistics: Option<Map<String, Value>>,
    pub(super) error: Option<Failure>,
    pub trades: Recent<Numbered<Map<String, Value>>>,
    pub logs: Recent<Numbered<LogLine>>,
    share: Option<Share>,
    registration: Option<Registration>,
    is_commanded: bool,
    /// When the worker left or something was reported last.
    last_sign: u64,
    pub(super) pace: Conflation<(), Timestamp>,
    /// Whether viewers have seen 100 %.
    pub(super) has_shown_end: bool,
    pub(super) lines: LineBudget,
    flush: Alarm,
    silence: Alarm,
}

impl Subject for Backtest {
    const ID_MEMBER: &'static str = "backtestId";
    const SNAPSHOT_EVENT: &'static str = "BacktestSnapshot";
    const KIND: &'static str = "backtests";
    const REMOVED_EVENT: &'static str = "BacktestRemoved";
    const EVENTS: &'static [&'static str] = copying::EVENTS;
    type Event = BacktestEvent;
    type Snapshot = BacktestSnapshot;
    type Shared = SharedState;

    fn new(id: Id, about: &About, now: Moment) -> Self {
        Self {
            id,
            number: about.number,
            created: about.created,
            bundle: None,
            name: None,
            state: State::Queued,
            progress: Progress::default(),
            equity: Vec::new(),
            trade_count: 0,
            statistics: None,
            error: None,
            trades: Recent::new(RECENT_ITEMS, RECENT_BYTES),
            logs: Recent::new(RECENT_ITEMS, RECENT_BYTES),
            share: None,
            registration: None,
            is_commanded: false,
            last_sign: now.tick,
            pace: Conflation::new(PROGRESS_INTERVAL),
            has_shown_end: false,
            lines: LineBudget::new(now),
            flush: Alarm::default(),
            silence: Alarm::default(),
        }
    }

    fn about(shared: &SharedState, now: Moment) -> About {
        shared.next(now)
    }

    fn restore(&mut self, state: &[u8]) -> serde_json::Result<()> {
        let kept: Kept = serde_json::from_slice(state)?;
        kept.restore(self);
        Ok(())
    }

    fn apply(&mut self, event: &eventlog::Event, _: Moment) {
        copying::apply(self, event);
    }

    fn follow(scribe: &mut Scribe<'_, '_, Self>, event: &eventlog::Event) {
        copying::follow(scribe, event);
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn topics(&self) -> SmallVec<[Id; 2]> {
        let mut topics = smallvec![self.id.clone()];
        topics.extend(self.bundle.as_deref().map(bundles::topic));
        topics
    }

    fn registration(&mut self) -> &mut Option<Registration> {
        &mut self.registration
    }

    fn is_commanded(&mut self) -> &mut bool {
        &mut self.is_commanded
    }

    fn history(&mut self) -> (&mut Option<Share>, SmallVec<[&mut dyn History; 3]>) {
        let (trades, logs) = (&mut self.trades, &mut self.logs);
        (&mut self.share, smallvec![trades as _, logs as _])
    }

    fn snapshot_at(&self, at: At, extent: Extent) -> BacktestSnapshot {
        BacktestSnapshot::of(self, at, extent)
    }

    fn prefers_snapshot(&self) -> bool {
        self.state.is_finished()
    }

    fn check_event(event: &BacktestEvent) -> Result<(), String> {
        event::check(event)
    }

    fn check_report(&self, events: &[Reported<BacktestEvent>]) -> Result<(), Problem> {
        let mut standing = self.standing();
        for (index, reported) in events.iter().enumerate() {
            let next = standing.next(&reported.event);
            next.map_err(|reason| bad_event(index, &reason))?;
        }
        Ok(())
    }

    fn accept(
        scribe: &mut Scribe<'_, '_, Self>,
        _: &Reporter,
        events: Vec<Reported<BacktestEvent>>,
    ) -> Vec<u64> {
        scribe.state().last_sign = scribe.now.tick;
        let mut seqs = Vec::with_capacity(events.len());
        for reported in events {
            seqs.push(taking::follow_course(scribe, reported));
        }
        seqs
    }

    fn on_created(scribe: &mut Scribe<'_, '_, Self>) {
        let number = scribe.state().number;
        scribe.shared.index().insert((number, scribe.id().clone()));
        scribe.show_snapshot();
    }

    fn on_removed(shared: &SharedState, backtest: &mut Self) {
        if let Some(bundle) = backtest.bundle.take() {
            shared.bundles.leave(&bundle, &backtest.id);
        }
        let place = (backtest.number, backtest.id.clone());
        shared.index().remove(&place);
    }

    /// The clock starts again: nobody could hear the worker meanwhile.
    fn on_taken_over(scribe: &mut Scribe<'_, '_, Self>) {
        scribe.state().last_sign = scribe.now.tick;
    }

    fn on_registered(_: &mut Scribe<'_, '_, Self>) {}

    fn on_worker_gone(scribe: &mut Scribe<'_, '_, Self>) {
        scribe.state().last_sign = scribe.now.tick;
    }

    fn on_deadline(scribe: &mut Scribe<'_, '_, Self>, deadline: &Deadline) {
        let now = scribe.now;
        let backtest = scribe.state();
        match deadline.purpose {
            // What is due leaves when the change is settled.
            Purpose::Flush => {
                backtest.flush.rings(deadline);
            }
            Purpose::Silence => {
                let rings = backtest.silence.rings(deadline);
                if rings && backtest.lost_from().is_some_and(|at| now.tick >= at) {
                    taking::fail(scribe, now.wall, worker_lost());
                }
            }
        }
    }

    fn settle(scribe: &mut Scribe<'_, '_, Self>) {
        let now = scribe.now;
        if let Some((_, ts)) = scribe.state().pace.take_due(now).pop() {
            taking::show_progress(scribe, ts);
        }
        let bundle_due = update_bundle(scribe);
        let (id, deadlines) = (scribe.id().clone(), scribe.deadlines);
        let backtest = scribe.state();
        for at in bundle_due.into_iter().chain(backtest.pace.next_due()) {
            backtest.flush.set(deadlines, Purpose::Flush, &id, at);
        }
        if let Some(at) = backtest.lost_from() {
            backtest.silence.set(deadlines, Purpose::Silence, &id, at);
        }
    }

    /// Each instance counts bundles for its own viewers.
    fn settle_copy(scribe: &mut Scribe<'_, '_, Self>, deadline: Option<&Deadline>) {
        if let Some(deadline) = deadline {
            scribe.state().flush.rings(deadline);
        }
        if let Some(at) = update_bundle(scribe) {
            let (id, deadlines) = (scribe.id().clone(), scribe.deadlines);
            let backtest = scribe.state();
            backtest.flush.set(deadlines, Purpose::Flush, &id, at);
        }
    }
}

impl eventlog::Snapshot for Backtest {
    fn snapshot(&self) -> Bytes {
        Kept::of(self)
    }
}

impl Backtest {
    pub fn is_lost(&self) -> bool {
        let error = self.error.as_ref();
        self.state == State::Failed && error.is_some_and(|error| error.code == WORKER_LOST)
    }

    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            is_lost: self.is_lost(),
            points: self.equity.len(),
        }
    }

    /// Forgets everything but what it is.
    pub fn start_anew(&mut self) {
        self.state = State::Queued;
        self.progress = Progress::default();
        self.equity.clear();
        self.trade_count = 0;
        self.statistics = None;
        self.error = None;
        self.has_shown_end = false;
        self.pace.take_waiting(&());
        self.trades = Recent::new(RECENT_ITEMS, RECENT_BYTES);
    }

    /// When it is to be given up, if nobody works on it.
    fn lost_from(&self) -> Option<u64> {
        let is_alone = self.state == State::Running && self.registration.is_none();
        is_alone.then_some(self.last_sign + LOST_AFTER)
    }
}

fn worker_lost() -> Failure {
    Failure {
        code: WORKER_LOST.to_owned(),
        message: "the worker is gone".to_owned(),
        retryable: true,
    }
}

fn update_bundle(scribe: &mut Scribe<'_, '_, Backtest>) -> Option<u64> {
    let (now, id, shared) = (scribe.now, scribe.id().clone(), scribe.shared);
    let backtest = scribe.state();
    let bundle = backtest.bundle.clone()?;
    let part = Part {
        state: backtest.state,
        pct: backtest.progress.pct,
    };
    let topic = bundles::topic(&bundle);
    let show = |body| scribe.show(topic, "BundleUpdated", body);
    shared.bundles.update(&bundle, &id, part, now, show)
}
