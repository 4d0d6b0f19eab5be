//! Live trading bots: reported by workers, watched by viewers, commanded by operators.

mod bot;
mod check;
mod command;
mod commanding;
mod copying;
mod event;
mod latest;
mod service;
mod taking;
#[cfg(test)]
mod tests;
mod view;

pub use bot::Bot;
pub use check::log_line;
pub use command::{BotCommand, StopMode};
pub use event::{BotEvent, LogLine, Order, State, Trade};
pub use service::{BotService, Registered};
pub use view::{BotArrays, BotSnapshot, Numbered};
