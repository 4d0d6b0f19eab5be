//! The HTTP routes: health, metrics, the API for producers and operators, messages to clients.
//!
//! A handler carries its path and its description; [`openapi`] makes the document from them, and
//! [`fallback`] answers what no handler takes. Every error is a [`Problem`](crate::problem::Problem).

pub mod answers;
pub mod fallback;
pub mod fleet;
pub mod health;
pub mod metrics;
pub mod openapi;
mod operations;
mod request;
pub mod sends;
pub mod trading;
