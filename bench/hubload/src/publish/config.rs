//! What to publish and how, and what came of it.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::atomic::AtomicU64;

use crate::client::Url;
use crate::stats::{Hist, Snap};

pub enum Kind {
    Invoke {
        url: Url,
        target: String,
        args: String,
        fire_and_forget: bool,
    },
    Http {
        url: Url,
        method: String,
        content_type: String,
        body: String,
    },
    Redis {
        addr: SocketAddrV4,
        channel: String,
        payload: RedisKind,
    },
}

pub enum RedisKind {
    Aspnet {
        target: String,
        args: String,
        excluded_nil: bool,
    },
    Raw(String),
}

pub struct PubCfg {
    pub kind: Kind,
    pub inflight: usize,
    /// messages per second; None: as fast as acks and window allow
    pub rate: Option<f64>,
    pub window: u64,
    pub warmup: f64,
    pub duration: f64,
    pub drain: f64,
    pub max_messages: u64,
    pub ts_intended: bool,
    /// deliveries that each message should lead to
    pub per_message: u64,
}

/// What the receivers read of the publisher.
pub struct Marks {
    pub first_measured: AtomicU64,
    pub run_start: AtomicU64,
    pub measured: Vec<crate::client::Padded>,
}

impl Marks {
    pub(super) fn measured(&self) -> u64 {
        self.measured.iter().map(|p| p.get()).sum()
    }
}

pub struct PubResult {
    pub published: u64,
    pub published_warmup: u64,
    pub warmup_lost: u64,
    pub not_sent: u64,
    pub publish_s: f64,
    pub drain_s: f64,
    pub drained: bool,
    pub first_at: u64,
    pub acks: Hist,
    pub ack_count: u64,
    pub lag: Hist,
    pub errors: BTreeMap<String, u64>,
    pub stalls: u64,
    pub redis_receivers: Option<(u64, u64)>,
    pub a: Snap,
    pub b: Snap,
    pub aborted: Option<String>,
}
