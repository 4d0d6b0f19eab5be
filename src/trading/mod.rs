//! Live state of bots and backtests: what workers report, what viewers see, what operators ask.
//!
//! A bot or backtest is a [`subject::Subject`]: a state beside an event log ([`crate::eventlog`]),
//! both changed under the log's lock. [`live::Live`] finds them by id and drives them: reports
//! ([`report`]), registrations ([`workers`]), subscriptions ([`subscribing`], [`audience`]),
//! deadlines ([`deadlines`]). [`fleet`] makes those of all instances one. Events leave through one queue ([`delivery`]); commands go to workers
//! through a [`commands::WorkerLink`]. [`BotService`] and [`BacktestService`] are what the hubs and
//! the HTTP API use, and know nothing of either.
//!
//! Time is an argument ([`clock`]): tests move it.

mod accepting;
pub mod assistant;
pub mod audience;
pub mod backtests;
pub mod bots;
pub mod clock;
mod commanding;
pub mod commands;
pub mod deadlines;
pub mod delivery;
pub mod fleet;
mod history;
pub mod idempotency;
pub mod ids;
pub mod link;
pub mod live;
#[cfg(test)]
mod now;
pub mod pace;
pub mod paging;
mod presence;
mod registering;
pub mod report;
mod serving;
pub mod subject;
pub mod subscribing;
pub mod wire;
pub mod workers;

pub use assistant::LiveView;
pub use backtests::BacktestService;
pub use bots::BotService;
