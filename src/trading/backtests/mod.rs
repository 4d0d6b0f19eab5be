//! Backtests and their bundles: reported by workers, watched by viewers, cancelled by operators.

mod backtest;
mod bundles;
mod cancelling;
mod copying;
mod course;
mod event;
mod selection;
mod service;
mod shared;
mod snapshot;
mod taking;
#[cfg(test)]
mod tests;

pub use backtest::Backtest;
pub use bundles::BundleUpdated;
pub use event::{BacktestEvent, EquityPoint, Progress, State};
pub use selection::{Selection, SubscribedBacktests};
pub use service::{BacktestService, RegisteredBacktests};
pub use snapshot::BacktestSnapshot;
