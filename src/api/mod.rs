//! The HTTP routes: health, metrics, and later the API for producers and operators.

pub mod health;
pub mod metrics;
