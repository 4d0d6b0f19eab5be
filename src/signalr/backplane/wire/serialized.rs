//! A hub message as it travels between instances: framed, once for each protocol.

use bytes::Bytes;

use crate::signalr::protocol::{
    Protocol,
    framing::{Split, split},
};

/// One hub message, complete and framed as on the wire to a client: JSON with its record
/// separator, MessagePack with its length prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SerializedMessage {
    /// In JSON.
    pub json: Option<Bytes>,
    /// In MessagePack.
    pub messagepack: Option<Bytes>,
}

impl SerializedMessage {
    /// The message in one protocol, if the sender wrote it.
    pub fn get(&self, protocol: Protocol) -> Option<&Bytes> {
        match protocol {
            Protocol::Json => self.json.as_ref(),
            Protocol::MessagePack => self.messagepack.as_ref(),
        }
    }

    /// The protocols the sender knows.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> + '_ {
        Protocol::ALL
            .into_iter()
            .filter(|protocol| self.get(*protocol).is_some())
    }

    /// How many bytes it has in all.
    pub fn len(&self) -> usize {
        let bodies = [&self.json, &self.messagepack];
        bodies.into_iter().flatten().map(Bytes::len).sum()
    }

    /// Whether there is nothing in it that a client could be sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds what the sender wrote for a protocol; the first entry of a name counts. False: it is not
    /// exactly one framed message, and would break the stream of whoever gets it.
    pub(super) fn insert(&mut self, name: &str, body: Bytes) -> bool {
        let (protocol, slot) = match name {
            "json" => (Protocol::Json, &mut self.json),
            "messagepack" => (Protocol::MessagePack, &mut self.messagepack),
            _ => return true,
        };
        if slot.is_some() || body.is_empty() {
            return true;
        }
        let framed = is_one_message(protocol, &body);
        if framed {
            *slot = Some(body);
        }
        framed
    }
}

fn is_one_message(protocol: Protocol, body: &[u8]) -> bool {
    matches!(
        split(protocol, body, &mut 0, None),
        Ok(Split::Message { consumed, .. }) if consumed == body.len()
    )
}
