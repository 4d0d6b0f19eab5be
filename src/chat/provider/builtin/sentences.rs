//! Plain sentences with the numbers in them.

mod backtests;
mod bots;
mod general;
mod words;

pub use self::backtests::{backtest, backtests, running_backtests};
pub use self::bots::{bot, bots, extreme, no_bot, profits, stopped, why_stopped};
pub use self::general::{count, greeting, help, may_not_read, unclear};

/// The longest list it reads out.
const LIST_LIMIT: usize = 20;
