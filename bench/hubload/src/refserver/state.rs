//! The options, and what the server keeps.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex};

use crate::ws::Wire;

#[derive(Clone)]
pub struct RefCfg {
    pub listen: Ipv4Addr,
    pub port: u16,
    pub threads: usize,
    /// encode once and share; otherwise encode again for every receiver
    pub shared: bool,
    /// coalesce the publishes of one read into one write per receiver
    pub batch: bool,
    /// client method that a Publish is delivered to
    pub deliver: String,
    pub congestion: Option<String>,
}

pub const QUEUE_HIGH: usize = 256 << 20;

pub const QUEUE_LOW: usize = 64 << 20;

/// Reads of one socket before the next one gets its turn.
pub const MAX_READS: u32 = 2;

pub struct Stream {
    pub(super) id: Vec<u8>,
    pub(super) next: u64,
    pub(super) n: u64,
}

pub struct Conn {
    pub(super) fd: RawFd,
    pub(super) inbuf: Vec<u8>,
    pub(super) wire: Option<Box<Wire>>,
    pub(super) upgraded: bool,
    pub(super) out: VecDeque<(Arc<[u8]>, usize)>,
    pub(super) groups: Vec<usize>,
    pub(super) streams: Vec<Stream>,
    pub(super) close_when_flushed: bool,
    pub(super) paused: bool,
}

#[derive(Default)]
pub struct Group {
    pub(super) members: Vec<(RawFd, u32)>,
    pub(super) batch: Vec<u8>,
}

/// A group and a frame for its members.
pub type GroupFrame = (Arc<[u8]>, Arc<[u8]>);

/// Frames from other threads.
pub struct Inbox {
    pub(super) q: Mutex<Vec<GroupFrame>>,
    pub(super) efd: RawFd,
}

pub struct Loop {
    pub(super) cfg: RefCfg,
    pub(super) me: usize,
    pub(super) inboxes: Arc<Vec<Inbox>>,
    pub(super) ep: RawFd,
    pub(super) lfd: RawFd,
    pub(super) conns: Vec<Option<Box<Conn>>>,
    pub(super) blocked: Vec<u8>,
    pub(super) free: Vec<u32>,
    pub(super) freed: Vec<u32>,
    pub(super) names: HashMap<Vec<u8>, usize>,
    pub(super) groups: Vec<Group>,
    pub(super) dirty: Vec<usize>,
    pub(super) frame: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) reply: Vec<u8>,
    pub(super) queued: usize,
    pub(super) paused: Vec<u32>,
    pub(super) runnable: VecDeque<u32>,
    /// sockets that were left with data in them so that others get their turn
    pub(super) again: Vec<u32>,
    pub(super) doomed: Vec<u32>,
    pub(super) ids: u64,
}
