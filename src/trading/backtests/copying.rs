//! A backtest that another instance writes: made here of what that one wrote.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::backtest::Backtest;
use super::event::{
    Completed, EquityPoint, EquityPoints, Failure, Progress, Queued, State, TradeBatch,
};
use super::taking;
use crate::eventlog::Event;
use crate::trading::bots::{LogLine, Numbered};
use crate::trading::clock::Timestamp;
use crate::trading::ids::Id;
use crate::trading::paging::Recent;
use crate::trading::subject::Scribe;

/// Everything that viewers are sent.
pub const EVENTS: &[&str] = &[
    "BacktestQueued",
    "BacktestStarted",
    "EquityPoints",
    "TradeBatch",
    "BacktestCompleted",
    "BacktestFailed",
    "BacktestCancelled",
    "BacktestRemoved",
    "BacktestProgress",
    "BacktestLog",
];

/// The state of a backtest as the store keeps it.
#[derive(Deserialize)]
pub struct Kept {
    bundle: Option<String>,
    name: Option<String>,
    state: State,
    progress: Progress,
    equity: Vec<EquityPoint>,
    trade_count: usize,
    statistics: Option<Map<String, Value>>,
    error: Option<Failure>,
    trades: Recent<Numbered<Map<String, Value>>>,
    logs: Recent<Numbered<LogLine>>,
}

/// The same, borrowed.
#[derive(Serialize)]
struct ToKeep<'a> {
    bundle: Option<&'a str>,
    name: Option<&'a str>,
    state: State,
    progress: &'a Progress,
    equity: &'a [EquityPoint],
    trade_count: usize,
    statistics: Option<&'a Map<String, Value>>,
    error: Option<&'a Failure>,
    trades: &'a Recent<Numbered<Map<String, Value>>>,
    logs: &'a Recent<Numbered<LogLine>>,
}

impl Kept {
    pub fn of(backtest: &Backtest) -> Bytes {
        let to_keep = ToKeep {
            bundle: backtest.bundle.as_deref(),
            name: backtest.name.as_deref(),
            state: backtest.state,
            progress: &backtest.progress,
            equity: &backtest.equity,
            trade_count: backtest.trade_count,
            statistics: backtest.statistics.as_ref(),
            error: backtest.error.as_ref(),
            trades: &backtest.trades,
            logs: &backtest.logs,
        };
        // Plain structs with finite numbers and string keys encode.
        serde_json::to_vec(&to_keep).unwrap_or_default().into()
    }

    pub fn restore(self, backtest: &mut Backtest) {
        backtest.bundle = self.bundle.map(Id::from);
        backtest.name = self.name;
        backtest.state = self.state;
        backtest.progress = self.progress;
        backtest.equity = self.equity;
        backtest.trade_count = self.trade_count;
        backtest.statistics = self.statistics;
        backtest.error = self.error;
        backtest.trades = self.trades;
        backtest.logs = self.logs;
    }
}

/// Viewers of a bundle are shown what is new to them before its next event.
pub fn follow(scribe: &mut Scribe<'_, '_, Backtest>, event: &Event) {
    if let Some(bundle) = read_as::<Queued>(event, "BacktestQueued").and_then(|it| it.bundle_id) {
        taking::join_bundle(scribe, bundle.into());
    }
    apply(scribe.state(), event);
}

/// What this server does not know of an event is left out: a newer one may have written it.
pub fn apply(backtest: &mut Backtest, event: &Event) {
    match &*event.name {
        "BacktestQueued" => {
            if let Some(queued) = read::<Queued>(event) {
                backtest.name = queued.name.or(backtest.name.take());
                let bundle = queued.bundle_id.map(Id::from);
                backtest.bundle = bundle.or(backtest.bundle.take());
            }
        }
        "BacktestStarted" => backtest.state = State::Running,
        "EquityPoints" => {
            backtest.state = State::Running;
            if let Some(chunk) = read::<EquityPoints>(event)
                && chunk.from_index <= backtest.equity.len()
            {
                taking::replace_points(&mut backtest.equity, &chunk);
            }
        }
        "TradeBatch" => {
            backtest.state = State::Running;
            if let (Some(ts), Some(batch)) = (ts(event), read::<TradeBatch>(event)) {
                taking::keep_trades(backtest, event.seq, ts, batch);
            }
        }
        "BacktestProgress" => {
            if backtest.state == State::Queued {
                backtest.state = State::Running;
            }
            backtest.progress = read(event).unwrap_or_else(|| backtest.progress.clone());
        }
        "BacktestCompleted" => {
            backtest.state = State::Completed;
            backtest.statistics = read(event).map(|it: Completed| it.statistics);
        }
        "BacktestFailed" => {
            backtest.state = State::Failed;
            backtest.error = read(event);
        }
        "BacktestCancelled" => {
            backtest.state = State::Cancelled;
            backtest.error = None;
        }
        "BacktestLog" => {
            if let (Some(ts), Some(line)) = (ts(event), read(event)) {
                taking::keep_line(backtest, event.seq, ts, line);
            }
        }
        _ => {}
    }
    backtest.has_shown_end = backtest.progress.pct >= 1.0;
}

fn read_as<T: DeserializeOwned>(event: &Event, name: &str) -> Option<T> {
    (*event.name == *name).then(|| read(event)).flatten()
}

fn read<T: DeserializeOwned>(event: &Event) -> Option<T> {
    serde_json::from_slice(&event.body).ok()
}

fn ts(event: &Event) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Head {
        ts: Timestamp,
    }
    read(event).map(|head: Head| head.ts)
}
