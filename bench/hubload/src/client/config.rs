//! What is the same for all connections of a run.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Url;
use crate::ws::Proto;

#[derive(Debug)]
pub struct Cfg {
    pub urls: Vec<Url>,
    pub proto: Proto,
    pub skip_negotiation: bool,
    pub separate_negotiate: bool,
    /// "Name: value\r\n" lines, Authorization included
    pub headers: String,
    pub srcs: Vec<Ipv4Addr>,
    /// TCP congestion control of the client's sockets; None: the system's
    pub congestion: Option<String>,
    pub connect_rate: f64,
    pub concurrency: usize,
    pub connect_timeout: Duration,
    pub connect_limit: Duration,
    pub ping_every: Duration,
    pub threads: usize,
}
