//! An ASP.NET Core SignalR server: three hubs, N instances, no sticky sessions.

pub mod problem;
pub mod signalr;
