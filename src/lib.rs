//! An ASP.NET Core SignalR server: three hubs, N instances, no sticky sessions.

pub mod eventlog;
pub mod problem;
pub mod signalr;
