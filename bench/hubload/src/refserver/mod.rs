//! The reference server: raw epoll (edge-triggered), raw `send`, no allocation per delivery.
//! It is an anchor for what the machine can do, not a SignalR implementation to use.
//!
//! A published frame is encoded once and sent to each member's socket directly. Only a socket
//! that is not writable gets a queue (of shared frames), which is then written with `writev`
//! once the socket takes data again: many frames go out in one system call.

mod event_loop;
mod groups;
mod hub;
mod message;
mod requests;
mod sockets;
mod start;
mod state;
mod streams;
#[cfg(test)]
mod tests;

pub use hub::{Srv, completion};
pub use message::{Msg, unquote};
pub use start::{chk, run};
pub use state::{Conn, Group, Inbox, Loop, MAX_READS, QUEUE_HIGH, QUEUE_LOW, RefCfg, Stream};
