//! The SignalR server. It knows nothing of bots or chat and could be a crate of its own.

pub mod protocol;
