//! The parser, second half: SignalR records in the payload.

use super::{Mode, Proto, RS, Sink, Wire, varint};

/// A single record larger than this is an error, not a reason to take all memory.
pub const MAX_RECORD: usize = 64 << 20;

impl Wire {
    pub(super) fn payload<S: Sink>(
        &mut self,
        mut data: &[u8],
        sink: &mut S,
    ) -> Result<(), &'static str> {
        if self.mode == Mode::Handshake {
            let Some(i) = memchr::memchr(RS, data) else {
                return self.keep(data);
            };
            let proto = if self.carry.is_empty() {
                sink.handshake(&data[..i])
            } else {
                self.keep(&data[..i])?;
                let p = sink.handshake(&self.carry);
                self.carry.clear();
                p
            };
            if let Some(p) = proto {
                self.proto = p;
            }
            self.mode = Mode::Body(self.proto);
            data = &data[i + 1..];
        }
        match self.proto {
            Proto::Json => self.json(data, sink),
            Proto::Msgpack => self.msgpack(data, sink),
        }
    }

    #[inline]
    pub(super) fn json<S: Sink>(
        &mut self,
        mut data: &[u8],
        sink: &mut S,
    ) -> Result<(), &'static str> {
        if !self.carry.is_empty() {
            let Some(i) = memchr::memchr(RS, data) else {
                return self.keep(data);
            };
            self.keep(&data[..i])?;
            sink.record(&self.carry);
            self.drop_carry();
            data = &data[i + 1..];
        }
        while !data.is_empty() {
            match memchr::memchr(RS, data) {
                Some(i) => {
                    sink.record(&data[..i]);
                    data = &data[i + 1..];
                }
                None => return self.keep(data),
            }
        }
        Ok(())
    }

    pub(super) fn msgpack<S: Sink>(
        &mut self,
        mut data: &[u8],
        sink: &mut S,
    ) -> Result<(), &'static str> {
        while !self.carry.is_empty() && !data.is_empty() {
            // carry = length prefix + body, as far as they have come
            match varint(&self.carry)? {
                Some((len, off)) => {
                    let need = off + len - self.carry.len();
                    let n = need.min(data.len());
                    self.keep(&data[..n])?;
                    data = &data[n..];
                    if n == need {
                        sink.record(&self.carry[off..]);
                        self.drop_carry();
                    }
                }
                None => {
                    self.carry.push(data[0]);
                    data = &data[1..];
                    if let Some((0, _)) = varint(&self.carry)? {
                        sink.record(&[]);
                        self.drop_carry();
                    }
                }
            }
        }
        while !data.is_empty() {
            match varint(data)? {
                Some((len, off)) if data.len() >= off + len => {
                    sink.record(&data[off..off + len]);
                    data = &data[off + len..];
                }
                _ => return self.keep(data),
            }
        }
        Ok(())
    }

    pub(super) fn keep(&mut self, data: &[u8]) -> Result<(), &'static str> {
        if self.carry.len() + data.len() > MAX_RECORD {
            return Err("record larger than 64 MiB");
        }
        self.carry.extend_from_slice(data);
        Ok(())
    }

    pub(super) fn drop_carry(&mut self) {
        if self.carry.capacity() > 64 << 10 {
            self.carry = Vec::new();
        } else {
            self.carry.clear();
        }
    }
}
