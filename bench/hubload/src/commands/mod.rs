//! The commands but `fanout`.

mod churn;
mod echo;
mod echo_calls;
mod idle;
mod phases;
mod stream;
mod stream_items;

pub use churn::churn;
pub use echo::{EchoCfg, echo};
pub use echo_calls::{Calls, EchoHandler, Lane};
pub use idle::{IdleHandler, idle};
pub use phases::{DRAIN, MEASURE, START, follow, pause, round};
pub use stream::{StreamCfg, stream};
pub use stream_items::{StreamHandler, StreamLane};
