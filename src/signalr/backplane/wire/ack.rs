//! The answer to a group command.

use bytes::Bytes;

use super::{Elements, WireError};
use crate::signalr::protocol::messagepack::writer;

/// "The command with this id was carried out."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The command's id, as it came.
    pub id: i32,
}

impl Ack {
    /// Reads an ack.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let mut elements = Elements::of(payload, "Ack", 1)?;
        Ok(Self {
            id: elements.int32("id")?,
        })
    }

    /// Writes an ack.
    pub fn encode(self) -> Bytes {
        let mut out = Vec::with_capacity(6);
        writer::array(&mut out, 1);
        writer::integer(&mut out, self.id.into());
        out.into()
    }
}
