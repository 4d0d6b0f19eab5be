//! What a worker may report about a bot, and what viewers are told in the same words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::trading::clock::Timestamp;

/// A reported event. An unknown type or a bad value does not deserialize.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type")]
pub enum BotEvent {
    BotStatus(BotStatus),
    PositionChanged(Position),
    OrderEvent(Order),
    TradeEvent(Trade),
    SignalEmitted(Signal),
    RiskEvent(Risk),
    Alert(Alert),
    BotHeartbeat(Map<String, Value>),
    PnlUpdated(PnlReport),
    BalanceChanged(Balance),
    CandleClosed(Candle),
    LogLine(LogLine),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "BotState"))]
#[serde(rename_all = "camelCase")]
#[schema(as = BotState)]
pub enum State {
    Created,
    Starting,
    Running,
    Paused,
    Stopping,
    Stopped,
    Error,
    /// Set by the server when the worker has been silent for too long.
    Stale,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct BotStatus {
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_state: Option<State>,
    /// What people call the bot; it stays until another is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Position {
    pub position_id: String,
    pub symbol: String,
    pub side: String,
    /// Zero closes the position.
    pub quantity: f64,
    pub entry_price: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrealized_pnl: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Order {
    pub order_id: String,
    pub symbol: String,
    pub side: String,
    pub kind: String,
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    pub quantity: f64,
    pub filled: f64,
}

impl Order {
    /// Whether the order can still be filled.
    pub fn is_open(&self) -> bool {
        let status = self.status.to_ascii_lowercase();
        !matches!(
            status.as_str(),
            "filled" | "closed" | "cancelled" | "canceled" | "rejected" | "expired" | "failed"
        )
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Trade {
    pub trade_id: String,
    pub symbol: String,
    pub side: String,
    pub price: f64,
    pub quantity: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realized_pnl: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Signal {
    pub symbol: String,
    pub signal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Risk {
    pub rule: String,
    pub level: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Alert {
    pub severity: String,
    pub message: String,
}

/// What a worker tells about profit and loss; what it leaves out stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct PnlReport {
    pub realized: Option<f64>,
    pub unrealized: Option<f64>,
    pub total: Option<f64>,
    pub total_pct: Option<f64>,
    pub equity: Option<f64>,
    pub drawdown_pct: Option<f64>,
    pub win_rate: Option<f64>,
    pub trade_count: Option<u64>,
    pub currency: Option<String>,
}

/// Profit and loss as viewers see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Pnl {
    pub realized: f64,
    pub unrealized: f64,
    pub total: f64,
    pub total_pct: f64,
    pub equity: f64,
    pub drawdown_pct: f64,
    pub win_rate: f64,
    pub trade_count: u64,
    pub currency: Option<String>,
}

impl Pnl {
    pub fn merge(&mut self, report: &PnlReport) {
        let set = |value: &mut f64, reported: Option<f64>| *value = reported.unwrap_or(*value);
        set(&mut self.realized, report.realized);
        set(&mut self.unrealized, report.unrealized);
        set(&mut self.total, report.total);
        set(&mut self.total_pct, report.total_pct);
        set(&mut self.equity, report.equity);
        set(&mut self.drawdown_pct, report.drawdown_pct);
        set(&mut self.win_rate, report.win_rate);
        self.trade_count = report.trade_count.unwrap_or(self.trade_count);
        if report.currency.is_some() {
            self.currency.clone_from(&report.currency);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Balance {
    pub currency: String,
    pub free: f64,
    pub total: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Candle {
    pub symbol: String,
    pub interval: String,
    pub open_time: Timestamp,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
}

/// A line of a log, of a bot or a backtest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct LogLine {
    pub level: String,
    pub message: String,
    /// How many lines before this one viewers were not shown. The server's to say.
    #[serde(default, skip_deserializing)]
    #[cfg_attr(test, ts(as = "Option<u64>"))]
    pub dropped: u64,
}
