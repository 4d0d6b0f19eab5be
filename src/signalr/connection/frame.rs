//! One hub message, encoded once and ready for every transport.
//!
//! The bytes begin with an unmasked WebSocket header, so a WebSocket writes them as they are; event
//! streams and polls take what follows the header. Clones share the bytes.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

use crate::signalr::protocol::{EncodeError, Protocol, TransferFormat, framing::length_prefix};

/// Largest WebSocket header of an unmasked frame (10) and largest MessagePack length prefix (5).
const HEADROOM: usize = 15;

/// Messages up to this size are encoded in a buffer that a thread keeps, so that each costs one
/// allocation of its exact size.
const SCRATCH_SIZE: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes of shared frames that are alive in this process, each frame counted once.
static SHARED_BYTES: AtomicUsize = AtomicUsize::new(0);

/// How many bytes the frames for many take up at this moment, each counted once.
pub fn shared_bytes() -> usize {
    SHARED_BYTES.load(Ordering::Relaxed)
}

/// One encoded hub message with its WebSocket header in front.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Bytes,
    header: u8,
    trackable: bool,
}

impl Frame {
    /// Encodes a message for one connection. `trackable`: it counts for stateful reconnect.
    pub fn encode(
        protocol: Protocol,
        trackable: bool,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let mut buffer = SCRATCH.take();
        buffer.clear();
        let (start, header) = build(&mut buffer, protocol, write)?;
        let bytes = if buffer.len() > SCRATCH_SIZE {
            Bytes::from(buffer).slice(start..)
        } else {
            let bytes = Bytes::copy_from_slice(&buffer[start..]);
            SCRATCH.set(buffer);
            bytes
        };
        Ok(Self {
            bytes,
            header,
            trackable,
        })
    }

    /// Encodes a message for many connections; its bytes count for [`shared_bytes`] while it lives.
    pub fn encode_shared(
        protocol: Protocol,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let mut buffer = Vec::with_capacity(HEADROOM + 145);
        let (start, header) = build(&mut buffer, protocol, write)?;
        let bytes = Bytes::from_owner(Counted::new(buffer)).slice(start..);
        Ok(Self {
            bytes,
            header,
            trackable: true,
        })
    }

    /// Wraps a message for many that has its separator or length prefix already.
    pub fn shared_from_framed(protocol: Protocol, framed: &[u8]) -> Self {
        let mut buffer = vec![0; HEADROOM];
        buffer.extend_from_slice(framed);
        let (start, header) = put_header(&mut buffer, HEADROOM, protocol.transfer_format());
        let bytes = Bytes::from_owner(Counted::new(buffer)).slice(start..);
        Self {
            bytes,
            header,
            trackable: true,
        }
    }

    /// Wraps the answer to a handshake, which is text followed by a separator in every protocol.
    pub fn handshake(protocol: Protocol, response: &[u8]) -> Self {
        let mut buffer = vec![0; HEADROOM];
        buffer.extend_from_slice(response);
        let (start, header) = put_header(&mut buffer, HEADROOM, protocol.transfer_format());
        Self {
            bytes: Bytes::from(buffer).slice(start..),
            header,
            trackable: false,
        }
    }

    /// The message with its WebSocket header.
    pub fn websocket(&self) -> &[u8] {
        &self.bytes
    }

    /// The message alone, sharing the frame's memory.
    pub fn message(&self) -> Bytes {
        self.bytes.slice(usize::from(self.header)..)
    }

    /// How many bytes the message has without the WebSocket header.
    pub fn message_len(&self) -> usize {
        self.bytes.len() - usize::from(self.header)
    }

    /// How many bytes the frame has with its header.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A frame always has a header.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether stateful reconnect numbers this message.
    pub fn is_trackable(&self) -> bool {
        self.trackable
    }
}

fn build(
    buffer: &mut Vec<u8>,
    protocol: Protocol,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(usize, u8), EncodeError> {
    buffer.resize(HEADROOM, 0);
    write(buffer)?;
    let mut start = HEADROOM;
    if protocol == Protocol::MessagePack {
        let prefix = length_prefix(buffer.len() - HEADROOM);
        start -= prefix.len();
        buffer[start..HEADROOM].copy_from_slice(&prefix);
    }
    Ok(put_header(buffer, start, protocol.transfer_format()))
}

/// Writes the WebSocket header directly before `payload` (RFC 6455 section 5.2).
fn put_header(buffer: &mut [u8], payload: usize, format: TransferFormat) -> (usize, u8) {
    let length = buffer.len() - payload;
    let opcode = match format {
        TransferFormat::Text => 0x81,
        TransferFormat::Binary => 0x82,
    };
    let mut header = [opcode, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let size = match length {
        0..=125 => {
            header[1] = length as u8;
            2
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    let start = payload - size;
    buffer[start..payload].copy_from_slice(&header[..size]);
    (start, size as u8)
}

/// A buffer that is counted while it lives.
struct Counted(Vec<u8>);

impl Counted {
    fn new(buffer: Vec<u8>) -> Self {
        SHARED_BYTES.fetch_add(buffer.capacity(), Ordering::Relaxed);
        Self(buffer)
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        SHARED_BYTES.fetch_sub(self.0.capacity(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_websocket_message_and_its_payload() {
        for (length, header) in [(5, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let frame = Frame::encode(Protocol::Json, true, |out| {
                out.resize(out.len() + length, b'x');
                Ok(())
            })
            .expect("nothing to fail");
            assert_eq!(frame.message_len(), length);
            assert_eq!(frame.len(), length + header);
            assert_eq!(frame.websocket()[0], 0x81);
        }
    }

    #[test]
    fn messagepack_gets_its_length_in_front() {
        let frame = Frame::encode(Protocol::MessagePack, true, |out| {
            out.extend_from_slice(&[0x91, 6]);
            Ok(())
        })
        .expect("nothing to fail");
        assert_eq!(frame.websocket(), [0x82, 3, 2, 0x91, 6]);
        assert_eq!(frame.message().as_ref(), [2, 0x91, 6]);
    }
}
