//! `fanout`: N subscribers, one publisher.

mod figures;
mod run;
mod seen;
mod subscriber;
#[cfg(test)]
mod tests;
mod worker;

pub use figures::{Deliveries, publisher_json};
pub use run::{FanCfg, run};
pub use seen::{Kind, Seen};
pub use subscriber::{Fan, SubHandler};
pub use worker::{FanResult, worker};
