//! The fan-out publisher: a thread of its own, plain non-blocking sockets and `ppoll`, so that
//! its pace depends neither on the receivers' work nor on a timer wheel of 1 ms.

mod build;
mod config;
mod http;
mod invoke;
mod link;
mod pace;
mod redis;
mod run;

pub use build::{check, link};
pub use config::{Kind, Marks, PubCfg, PubResult, RedisKind};
pub use http::HttpLink;
pub use invoke::{InvokeLink, InvokeSink};
pub use link::{Acks, Link, Slots, Sock};
pub use pace::Run;
pub use redis::RedisLink;
pub use run::run;
