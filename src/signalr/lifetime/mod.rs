//! Who is connected here, in which groups, as which user; and who gets what.
//!
//! A connection lives on one worker thread. The [`HubLifetimeManager`] of a hub knows on which; each
//! [`Worker`] keeps plain lists of its own [`members`](Members) for sending to many. A message to
//! many is encoded once per protocol, crosses to each worker once, and is pushed to the members
//! there: that is the one place all deliveries of a worker pass, in order.
//!
//! | file | what |
//! |---|---|
//! | `manager` | the registry of a hub's connections |
//! | `send`, `groups`, `ask` | what hub code does with connections anywhere |
//! | `presence` | what somebody outside of the hub asks: who is here, end these |
//! | `local` | what other instances do with connections here |
//! | `members`, `worker` | one worker thread: its lists, what it does |
//! | `workers` | the mailboxes of all of them |
//! | `message`, `client_results` | what is sent, and what comes back |
//! | `numbers`, `backlog` | for telemetry: plain counters, and how much waits |

mod ask;
mod backlog;
mod client_results;
mod groups;
mod local;
mod manager;
mod members;
mod message;
mod numbers;
mod presence;
mod send;
mod worker;
mod workers;

pub use super::backplane::{GroupError, Target};
pub use backlog::Backlog;
pub use client_results::{ClientResult, ClientResults, Question};
pub use manager::{HubLifetimeManager, SendError};
pub use members::Members;
pub use message::Message;
pub use numbers::{DURATION_BOUNDS, Durations, Numbers};
pub use worker::Worker;
pub use workers::{WorkerId, Workers};
