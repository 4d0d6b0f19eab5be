//! What a worker may report about a backtest, and what viewers are told in the same words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::trading::bots::{LogLine, log_line};
use crate::trading::clock::Timestamp;
use crate::trading::ids;

/// The most trades in one batch.
const MAXIMUM_TRADES: usize = 10_000;

/// A reported event. An unknown type or a bad value does not deserialize.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type")]
pub enum BacktestEvent {
    BacktestQueued(Queued),
    BacktestStarted(Nothing),
    EquityPoints(EquityPoints),
    TradeBatch(TradeBatch),
    BacktestCompleted(Completed),
    BacktestFailed(Failure),
    BacktestCancelled(Nothing),
    BacktestProgress(ProgressReport),
    BacktestLog(LogLine),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "BacktestState"))]
#[serde(rename_all = "camelCase")]
#[schema(as = BacktestState)]
pub enum State {
    Queued,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl State {
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Nothing {}

/// What is to be tested; what else the worker tells is passed on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Queued {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Queued {
    /// Takes out what is the server's to say.
    pub fn without_reserved(mut self) -> Self {
        for member in ["backtestId", "epoch", "seq", "ts", "type"] {
            self.more.remove(member);
        }
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EquityPoint {
    pub t: Timestamp,
    pub equity: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct EquityPoints {
    pub from_index: usize,
    pub points: Vec<EquityPoint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TradeBatch {
    pub trades: Vec<Map<String, Value>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Completed {
    pub statistics: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub retryable: bool,
}

/// What a worker tells about its progress; what it leaves out stays as it was.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct ProgressReport {
    pub pct: f64,
    pub phase: Option<String>,
    pub simulated_at: Option<Timestamp>,
    pub candles_done: Option<u64>,
    pub candles_total: Option<u64>,
    pub eta_ms: Option<f64>,
    pub equity: Option<f64>,
    pub drawdown_pct: Option<f64>,
}

/// Progress as viewers see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub phase: Option<String>,
    pub pct: f64,
    pub simulated_at: Option<Timestamp>,
    pub candles_done: Option<u64>,
    pub candles_total: Option<u64>,
    pub eta_ms: Option<f64>,
    pub equity: Option<f64>,
    pub drawdown_pct: Option<f64>,
}

impl Progress {
    pub fn merge(&mut self, report: ProgressReport) {
        self.pct = report.pct;
        self.phase = report.phase.or(self.phase.take());
        self.simulated_at = report.simulated_at.or(self.simulated_at);
        self.candles_done = report.candles_done.or(self.candles_done);
        self.candles_total = report.candles_total.or(self.candles_total);
        self.eta_ms = report.eta_ms.or(self.eta_ms);
        self.equity = report.equity.or(self.equity);
        self.drawdown_pct = report.drawdown_pct.or(self.drawdown_pct);
    }

    /// The last one of a backtest that came to its end.
    pub fn complete(&mut self) {
        self.pct = 1.0;
        self.eta_ms = Some(0.0);
        self.candles_done = self.candles_total.or(self.candles_done);
    }
}

/// What is a bad value beyond its type.
pub fn check(event: &BacktestEvent) -> Result<(), String> {
    match event {
        BacktestEvent::BacktestQueued(queued) => match queued.bundle_id.as_deref() {
            Some(bundle) if !ids::is_valid(bundle) => {
                Err("`bundleId` is not an id of 1 to 128 characters".to_owned())
            }
            _ => Ok(()),
        },
        BacktestEvent::BacktestProgress(progress) => (0.0..=1.0)
            .contains(&progress.pct)
            .then_some(())
            .ok_or_else(|| "`pct` is not between 0 and 1".to_owned()),
        BacktestEvent::TradeBatch(batch) if batch.trades.len() > MAXIMUM_TRADES => {
            Err(format!("`trades` has more than {MAXIMUM_TRADES} items"))
        }
        BacktestEvent::BacktestFailed(failure) if failure.code.is_empty() => {
            Err("`code` is empty".to_owned())
        }
        BacktestEvent::BacktestLog(line) => log_line(line),
        _ => Ok(()),
    }
}
