//! A client's answer on its way back to the instance that asked.

use bytes::Bytes;

use super::{Elements, WireError};
use crate::signalr::protocol::{Protocol, messagepack::writer};

/// A completion message with the name of its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// How the message is encoded; none: in a protocol we do not know.
    pub protocol: Option<Protocol>,
    /// The completion, framed as on the wire to a client.
    pub message: Bytes,
}

impl Completion {
    /// Reads a completion. Names of protocols are compared to the letter, as .NET does.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let mut elements = Elements::of(payload, "CompletionMessage", 2)?;
        let name = elements.text("protocolName")?;
        Ok(Self {
            protocol: Protocol::ALL.into_iter().find(|known| known.name() == name),
            message: elements.binary("completionMessage")?,
        })
    }

    /// Writes a completion.
    pub fn encode(protocol: Protocol, message: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(message.len() + 18);
        writer::array(&mut out, 2);
        writer::string(&mut out, protocol.name());
        writer::binary(&mut out, message);
        out.into()
    }
}
