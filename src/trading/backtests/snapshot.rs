//! What viewers see of a backtest at once.

use serde::Serialize;
use serde_json::{Map, Value};

use super::backtest::Backtest;
use super::event::{EquityPoint, Failure, Progress, State};
use crate::eventlog::Epoch;
use crate::trading::clock::Timestamp;
use crate::trading::subject::{At, Extent};

/// Points of a finished curve in a snapshot among very many.
const POINTS_IN_BRIEF: usize = 100;

/// A backtest at one moment, complete up to `seq`. Without its curve in lists.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct BacktestSnapshot {
    pub backtest_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[schema(value_type = String)]
    pub epoch: Epoch,
    pub seq: u64,
    pub ts: Timestamp,
    pub created_at: Timestamp,
    pub state: State,
    pub progress: Progress,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equity: Option<Vec<EquityPoint>>,
    pub trade_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

impl BacktestSnapshot {
    pub fn of(backtest: &Backtest, at: At, extent: Extent) -> Self {
        Self {
            backtest_id: backtest.id.to_string(),
            bundle_id: backtest.bundle.as_ref().map(ToString::to_string),
            name: backtest.name.clone(),
            epoch: at.epoch,
            seq: at.seq,
            ts: at.now.wall,
            created_at: backtest.created,
            state: backtest.state,
            progress: backtest.progress.clone(),
            equity: curve(backtest, extent),
            trade_count: backtest.trade_count,
            statistics: backtest.statistics.clone(),
            error: backtest.error.clone(),
        }
    }
}

/// Nothing is added to the curve of a finished one, so that its points' places do not matter.
fn curve(backtest: &Backtest, extent: Extent) -> Option<Vec<EquityPoint>> {
    match extent {
        Extent::Line => None,
        Extent::Brief if backtest.state.is_finished() => Some(thinned(&backtest.equity)),
        Extent::Brief | Extent::Whole => Some(backtest.equity.clone()),
    }
}

/// Points at even distances, the first and the last among them.
fn thinned(curve: &[EquityPoint]) -> Vec<EquityPoint> {
    if curve.len() <= POINTS_IN_BRIEF {
        return curve.to_vec();
    }
    let gaps = POINTS_IN_BRIEF - 1;
    let places = (0..=gaps).map(|gap| gap * (curve.len() - 1) / gaps);
    places.map(|place| curve[place]).collect()
}
