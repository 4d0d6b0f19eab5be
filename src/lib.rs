//! An ASP.NET Core SignalR server: three hubs, N instances, no sticky sessions.

pub mod api;
pub mod app;
pub mod auth;
pub mod chat;
pub mod cli;
pub mod console;
pub mod eventlog;
pub mod hubs;
pub mod problem;
pub mod redis;
pub mod settings;
pub mod signalr;
pub mod telemetry;
pub mod trading;

/// The hub of the README is a program that builds.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
