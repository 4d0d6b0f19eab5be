//! Pings and closes, which every command treats the same way.

use super::Conn;
use crate::ws::Proto;
use crate::{proto, ws};

/// Control traffic that every handler treats the same way.
#[derive(Default)]
pub struct Ctl {
    pub pong: Option<Vec<u8>>,
    pub end: Option<String>,
    pub got_close: bool,
}

impl Ctl {
    pub fn ping(&mut self, p: &[u8]) {
        self.pong = Some(p.to_vec());
    }
    pub fn close(&mut self, code: u16, reason: &[u8]) {
        self.got_close = true;
        self.end.get_or_insert_with(|| close_text(code, reason));
    }
    #[inline]
    pub fn after(&mut self, conn: &Conn) {
        if self.pong.is_some() || self.got_close {
            if let Some(p) = self.pong.take() {
                conn.send_frame(ws::OP_PONG, &p);
            }
            if self.got_close {
                conn.send_frame(ws::OP_CLOSE, &1000u16.to_be_bytes());
                conn.shutdown_write();
            }
        }
    }
}

pub fn close_text(code: u16, reason: &[u8]) -> String {
    let r: String = String::from_utf8_lossy(reason).chars().take(80).collect();
    format!("ws close {code} {r}").trim_end().to_string()
}

/// Text for a record of type 7.
pub fn close_record(proto: Proto, rec: &[u8]) -> String {
    format!("signalr close {}", proto::error_text(proto, rec))
        .trim_end()
        .to_string()
}
