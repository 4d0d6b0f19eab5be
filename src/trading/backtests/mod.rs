//! Backtests and their bundles: reported by workers, watched by viewers, cancelled by operators.

mod backtest;
mod bundles;
mod copying;
mod course;
mod event;
mod service;
mod taking;
#[cfg(test)]
mod tests;

pub use backtest::{Backtest, BacktestSnapshot};
pub use bundles::BundleUpdated;
pub use event::{BacktestEvent, EquityPoint, Progress, State};
pub use service::{BacktestService, RegisteredBacktests, Selection, SubscribedBacktests};
