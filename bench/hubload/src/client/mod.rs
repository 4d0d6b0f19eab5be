//! The client side: sockets, connections, and the threads that own them.

mod config;
mod conn;
mod control;
mod http;
mod many;
mod open;
mod pump;
mod shared;
mod tally;
#[cfg(test)]
mod tests;
mod url;
mod worker;

pub use config::Cfg;
pub use conn::{Conn, errname, set_congestion, setsockopt};
pub use control::{Ctl, close_record, close_text};
pub use http::{find_head, http_response, parse_head, url_encode};
pub use many::{close_all, connect_all};
pub use open::{Opened, open};
pub use pump::{BUF, Handler, pump};
pub use shared::{Padded, STOP, Shared, wait_connected};
pub use tally::{ConnStats, bump, connect_json};
pub use url::{Url, host_port, parse_src};
pub use worker::{Worker, launch, runtime};
