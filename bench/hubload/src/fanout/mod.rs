//! `fanout`: N subscribers, one publisher.

mod run;
mod seen;
mod subscriber;
#[cfg(test)]
mod tests;
mod worker;

pub use run::{FanCfg, run};
pub use seen::{Kind, Seen};
pub use subscriber::{Fan, SubHandler};
pub use worker::worker;
