//! Options that all commands have.

use clap::{Args, ValueEnum};

use crate::client::Url;
use crate::stats::Pid;

#[derive(Clone, Copy, ValueEnum)]
pub enum ProtoArg {
    Json,
    Messagepack,
}

/// Messages per second; None: max.
#[derive(Clone, Copy)]
pub struct Rate(pub Option<f64>);

impl std::str::FromStr for Rate {
    type Err = String;
    fn from_str(s: &str) -> Result<Rate, String> {
        if s == "max" {
            return Ok(Rate(None));
        }
        let r: f64 = s.parse().map_err(|_| "a number or max")?;
        if r > 0.0 && r <= 1e7 {
            Ok(Rate(Some(r)))
        } else {
            Err("between 0 and 1e7, or max".into())
        }
    }
}

pub fn dur(s: &str) -> Result<f64, String> {
    let d: f64 = s.trim_end_matches('s').parse().map_err(|_| "seconds")?;
    if (0.0..=3600.0).contains(&d) {
        Ok(d)
    } else {
        Err("between 0 and 3600 seconds".into())
    }
}

pub fn posrate(s: &str) -> Result<f64, String> {
    let r: f64 = s.parse().map_err(|_| "a number")?;
    if (0.0..=1e7).contains(&r) {
        Ok(r)
    } else {
        Err("between 0 and 1e7".into())
    }
}

pub fn header(s: &str) -> Result<String, String> {
    let (k, v) = s.split_once(':').ok_or("expected NAME:VALUE")?;
    if k.is_empty() || s.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err("bad header".into());
    }
    Ok(format!("{}: {}\r\n", k.trim(), v.trim()))
}

#[derive(Args)]
pub struct Common {
    /// Hub URL, http://127.x.y.z:PORT/path (repeatable: connections are spread round-robin)
    #[arg(long, required = true)]
    pub url: Vec<Url>,
    /// Hub protocol
    #[arg(long, value_enum, default_value = "json")]
    pub protocol: ProtoArg,
    /// No negotiate call: open the WebSocket at once, without an id
    #[arg(long)]
    pub skip_negotiation: bool,
    /// Negotiate on a TCP connection of its own (as browsers mostly do) instead of reusing it for the upgrade
    #[arg(long)]
    pub separate_negotiate: bool,
    /// Bearer token, sent as an Authorization header
    #[arg(long, value_name = "TOKEN")]
    pub bearer: Option<String>,
    /// Extra request header (repeatable)
    #[arg(long, value_name = "NAME:VALUE", value_parser = header)]
    pub header: Vec<String>,
    /// Source addresses: range and/or comma-separated list in 127.0.0.0/8; "none" lets the kernel choose
    #[arg(long, default_value = "127.0.0.2-127.0.0.40")]
    pub src: String,
    /// TCP congestion control of the client's sockets (default: the system's, see sysctl net.ipv4.tcp_congestion_control)
    #[arg(long, value_name = "NAME")]
    pub congestion: Option<String>,
    /// New connections per second, 0 for no limit
    #[arg(long, default_value = "2000", value_parser = posrate)]
    pub connect_rate: f64,
    /// Connections being opened at one time (churn: loops)
    #[arg(long, default_value = "64", value_parser = clap::value_parser!(u32).range(1..=10000))]
    pub concurrency: u32,
    /// Limit for opening one connection, and for its subscribe call, seconds
    #[arg(long, default_value = "15", value_parser = dur)]
    pub connect_timeout: f64,
    /// Limit for the whole connect phase, seconds
    #[arg(long, default_value = "300", value_parser = dur)]
    pub connect_limit: f64,
    /// SignalR ping period, seconds (0: none)
    #[arg(long, default_value = "15", value_parser = dur)]
    pub ping_interval: f64,
    /// Worker threads
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// Process to account for (repeatable): CPU, RSS and PSS from /proc
    #[arg(long, value_name = "NAME=PID")]
    pub pid: Vec<Pid>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<String>,
}
