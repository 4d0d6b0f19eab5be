//! What chat asks about bots and backtests. Trading implements it; chat knows nothing else of it.

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::problem::Problem;

/// Live state as values in the shapes of the hubs' snapshots.
pub trait TradingView: Send + Sync {
    /// Every bot's snapshot without its arrays.
    fn list_bots(&self) -> Looked<'_, Vec<Value>>;

    /// One bot's whole snapshot.
    fn get_bot<'a>(&'a self, bot_id: &'a str) -> Looked<'a, Option<Value>>;

    /// Snapshots of backtests, newest first, without their equity curves; those of one state, if one
    /// is named.
    fn list_backtests<'a>(&'a self, state: Option<&'a str>, limit: usize)
    -> Looked<'a, Vec<Value>>;

    /// One backtest's whole snapshot.
    fn get_backtest<'a>(&'a self, backtest_id: &'a str) -> Looked<'a, Option<Value>>;
}

pub type Looked<'a, T> = BoxFuture<'a, Result<T, Problem>>;
