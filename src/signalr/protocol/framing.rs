//! Where one message ends and the next begins, in a stream of bytes that may be cut anywhere.
//!
//! JSON messages and the handshake end with the record separator; MessagePack messages follow
//! their length, a little-endian base-128 number of one to five bytes.

use std::ops::Deref;

use super::{Protocol, error::ProtocolError};

/// The byte behind every JSON message and every handshake record.
pub const RECORD_SEPARATOR: u8 = 0x1e;

/// What the front of a buffer holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Split<'a> {
    /// One message.
    Message {
        /// The message without separator or prefix.
        body: &'a [u8],
        /// How many bytes it took, with separator or prefix.
        consumed: usize,
    },
    /// Not yet a whole message.
    Incomplete,
}

/// Takes one message off the front of `buffer`.
///
/// `scanned` remembers how many bytes held no separator, so that a message dripping in byte by
/// byte is searched once, not once per byte. Keep it with the buffer, starting at 0.
///
/// `maximum` limits a message including separator or prefix. Like the reference, it is only an
/// error once more than that many bytes are there and hold no message.
pub fn split<'a>(
    protocol: Protocol,
    buffer: &'a [u8],
    scanned: &mut usize,
    maximum: Option<usize>,
) -> Result<Split<'a>, ProtocolError> {
    let window = match maximum {
        Some(maximum) if buffer.len() > maximum => &buffer[..maximum],
        _ => buffer,
    };
    let found = match protocol {
        Protocol::Json => split_record(window, scanned),
        Protocol::MessagePack => split_prefixed(window)?,
    };
    match (found, maximum) {
        (Some((body, consumed)), _) => Ok(Split::Message { body, consumed }),
        (None, Some(maximum)) if buffer.len() > maximum => {
            Err(ProtocolError::MessageTooLarge { maximum })
        }
        (None, _) => Ok(Split::Incomplete),
    }
}

/// Takes one record off the front of `buffer`: its body and how many bytes it took.
pub fn split_record<'a>(buffer: &'a [u8], scanned: &mut usize) -> Option<(&'a [u8], usize)> {
    let start = (*scanned).min(buffer.len());
    match memchr::memchr(RECORD_SEPARATOR, &buffer[start..]) {
        Some(offset) => {
            *scanned = 0;
            let end = start + offset;
            Some((&buffer[..end], end + 1))
        }
        None => {
            *scanned = buffer.len();
            None
        }
    }
}

fn split_prefixed(buffer: &[u8]) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let mut length = 0usize;
    for index in 0..LengthPrefix::MAXIMUM_BYTES {
        let Some(&byte) = buffer.get(index) else {
            return Ok(None);
        };
        if index == LengthPrefix::MAXIMUM_BYTES - 1 && byte > 0x07 {
            return Err(ProtocolError::MessageOver2Gigabytes);
        }
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let start = index + 1;
            let body = buffer.get(start..).and_then(|rest| rest.get(..length));
            return Ok(body.map(|body| (body, start + length)));
        }
    }
    Err(ProtocolError::MessageOver2Gigabytes)
}

/// The bytes that go in front of a MessagePack message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthPrefix {
    bytes: [u8; Self::MAXIMUM_BYTES],
    used: u8,
}

impl LengthPrefix {
    /// Enough for 2^31-1.
    pub const MAXIMUM_BYTES: usize = 5;
}

/// The prefix for a body of `length` bytes. Bodies are far below the 2 GB the format ends at.
pub fn length_prefix(length: usize) -> LengthPrefix {
    debug_assert!(length <= i32::MAX as usize, "a message of more than 2 GB");
    let mut prefix = LengthPrefix {
        bytes: [0; LengthPrefix::MAXIMUM_BYTES],
        used: 0,
    };
    let mut rest = length as u32;
    loop {
        let more = rest > 0x7f;
        prefix.bytes[usize::from(prefix.used)] = (rest & 0x7f) as u8 | if more { 0x80 } else { 0 };
        prefix.used += 1;
        rest >>= 7;
        if !more {
            return prefix;
        }
    }
}

impl Deref for LengthPrefix {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.used)]
    }
}
