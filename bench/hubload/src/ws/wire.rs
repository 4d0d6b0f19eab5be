//! The parser, first half: WebSocket frames.

use super::{OP_BIN, OP_CLOSE, OP_CONT, OP_PING, OP_PONG, OP_TEXT, Proto, Sink, xor_mask};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Handshake,
    Body(Proto),
}

pub struct Wire {
    pub(super) remaining: u64,
    pub(super) mask: u32,
    pub(super) hdr: [u8; 14],
    pub(super) hdr_len: u8,
    pub(super) op: u8,
    pub(super) fin: bool,
    pub(super) masked: bool,
    pub(super) in_frame: bool,
    pub(super) in_message: bool,
    pub(super) mode: Mode,
    pub(super) proto: Proto,
    pub(super) carry: Vec<u8>,
    pub(super) ctrl: Vec<u8>,
}

impl Wire {
    /// Parser for a connection whose first record is the SignalR handshake.
    pub fn new(proto: Proto) -> Self {
        Wire {
            remaining: 0,
            mask: 0,
            hdr: [0; 14],
            hdr_len: 0,
            op: 0,
            fin: false,
            masked: false,
            in_frame: false,
            in_message: false,
            mode: Mode::Handshake,
            proto,
            carry: Vec::new(),
            ctrl: Vec::new(),
        }
    }

    pub fn feed<S: Sink>(&mut self, mut data: &mut [u8], sink: &mut S) -> Result<(), &'static str> {
        loop {
            if !self.in_frame {
                if data.is_empty() {
                    return Ok(());
                }
                let used = self.header(data)?;
                data = &mut std::mem::take(&mut data)[used..];
                if !self.in_frame {
                    return Ok(()); // the header is not complete yet
                }
            }
            let take = self.remaining.min(data.len() as u64) as usize;
            let (chunk, rest) = std::mem::take(&mut data).split_at_mut(take);
            data = rest;
            if take > 0 {
                if self.masked {
                    self.mask = xor_mask(chunk, self.mask);
                }
                self.remaining -= take as u64;
                if self.op >= OP_CLOSE {
                    self.ctrl.extend_from_slice(chunk);
                } else {
                    self.payload(chunk, sink)?;
                }
            }
            if self.remaining > 0 {
                return Ok(());
            }
            self.in_frame = false;
            match self.op {
                OP_PING => {
                    sink.ping(&self.ctrl);
                    self.ctrl.clear();
                }
                OP_CLOSE => {
                    let (code, reason) = match self.ctrl.len() {
                        0 | 1 => (1005, &[][..]),
                        _ => (
                            u16::from_be_bytes([self.ctrl[0], self.ctrl[1]]),
                            &self.ctrl[2..],
                        ),
                    };
                    sink.close(code, reason);
                    self.ctrl.clear();
                }
                OP_PONG => self.ctrl.clear(),
                _ => self.in_message = !self.fin,
            }
        }
    }

    /// Takes header bytes from `data`; sets `in_frame` once the header is whole.
    #[inline]
    pub(super) fn header(&mut self, data: &[u8]) -> Result<usize, &'static str> {
        // Fast path: an unmasked header that lies whole in the buffer.
        if self.hdr_len == 0 && data.len() >= 2 && data[1] < 126 {
            self.set_header(data[0], data[1] as u64, false, 0)?;
            return Ok(2);
        }
        if self.hdr_len == 0 && data.len() >= 4 && data[1] == 126 {
            self.set_header(
                data[0],
                u16::from_be_bytes([data[2], data[3]]) as u64,
                false,
                0,
            )?;
            return Ok(4);
        }
        let mut used = 0;
        loop {
            let have = self.hdr_len as usize;
            let need = if have < 2 {
                2
            } else {
                let ext = match self.hdr[1] & 0x7f {
                    126 => 2,
                    127 => 8,
                    _ => 0,
                };
                2 + ext + if self.hdr[1] & 0x80 != 0 { 4 } else { 0 }
            };
            if have >= 2 && have == need {
                break;
            }
            let n = (need - have).min(data.len() - used);
            self.hdr[have..have + n].copy_from_slice(&data[used..used + n]);
            self.hdr_len += n as u8;
            used += n;
            if (self.hdr_len as usize) < need {
                return Ok(used);
            }
        }
        let h = self.hdr;
        let (len, off) = match h[1] & 0x7f {
            126 => (u16::from_be_bytes([h[2], h[3]]) as u64, 4),
            127 => (u64::from_be_bytes(h[2..10].try_into().unwrap()), 10),
            n => (n as u64, 2),
        };
        let masked = h[1] & 0x80 != 0;
        let mask = if masked {
            u32::from_le_bytes(h[off..off + 4].try_into().unwrap())
        } else {
            0
        };
        self.hdr_len = 0;
        self.set_header(h[0], len, masked, mask)?;
        Ok(used)
    }

    #[inline]
    pub(super) fn set_header(
        &mut self,
        b0: u8,
        len: u64,
        masked: bool,
        mask: u32,
    ) -> Result<(), &'static str> {
        if b0 & 0x70 != 0 {
            return Err("ws: reserved bits set (no extension was negotiated)");
        }
        let op = b0 & 0x0f;
        let fin = b0 & 0x80 != 0;
        match op {
            OP_CONT if !self.in_message => return Err("ws: continuation without a message"),
            OP_TEXT | OP_BIN if self.in_message => {
                return Err("ws: new message inside a fragmented one");
            }
            OP_CONT | OP_TEXT | OP_BIN => {}
            OP_CLOSE | OP_PING | OP_PONG => {
                if !fin || len > 125 {
                    return Err("ws: bad control frame");
                }
            }
            _ => return Err("ws: unknown opcode"),
        }
        if len >> 63 != 0 {
            return Err("ws: bad frame length");
        }
        self.op = op;
        self.fin = fin;
        self.remaining = len;
        self.masked = masked;
        self.mask = mask;
        self.in_frame = true;
        Ok(())
    }
}
