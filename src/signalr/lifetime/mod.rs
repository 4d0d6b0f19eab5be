//! Who is connected here, in which groups, as which user; and who gets what.
//!
//! A connection lives on one worker thread. The [`HubLifetimeManager`] of a hub knows on which; each
//! [`Worker`] keeps plain lists of its own [`members`](Members) for sending to many. A message to
//! many is encoded once per protocol, crosses to each worker once, and is pushed to the members
//! there: that is the one place all deliveries of a worker pass, in order.

mod client_results;
mod manager;
mod members;
mod message;
mod worker;

pub use client_results::{ClientResult, ClientResults};
pub use manager::{HubLifetimeManager, SendError};
pub use members::{Members, Target};
pub use message::Message;
pub use worker::{Worker, WorkerId, Workers};
