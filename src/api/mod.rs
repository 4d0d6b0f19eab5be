//! The HTTP routes: health, metrics, and the API for producers and operators.

pub mod health;
pub mod metrics;
pub mod trading;
