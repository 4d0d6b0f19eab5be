//! The SignalR server. It knows nothing of bots or chat and could be a crate of its own.
//!
//! Imports point one way: `transport -> hub -> lifetime -> {connection, backplane, fleet}` and
//! `connection -> protocol`.

pub mod backplane;
pub mod connection;
pub mod fleet;
pub mod hub;
pub mod lifetime;
pub mod protocol;
pub mod transport;
