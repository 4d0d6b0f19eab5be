//! A message to many, encoded at most once per protocol.

use std::sync::OnceLock;

use crate::signalr::{
    backplane::SerializedMessage,
    connection::Frame,
    protocol::{EncodeArguments, EncodeError, Protocol, transcode, write},
};

type Slot = OnceLock<Result<Frame, EncodeError>>;

/// An invocation of a client method, ready to be shared by every connection that gets it.
#[derive(Debug, Default)]
pub struct Message {
    json: Slot,
    messagepack: Slot,
    /// What another instance wrote; framed for a transport when a connection needs it.
    received: SerializedMessage,
}

impl Message {
    /// Encodes `target(arguments)` in each of `protocols`; another one is made from these if a
    /// connection turns out to need it.
    pub fn encode(
        target: &str,
        arguments: &dyn EncodeArguments,
        protocols: &[Protocol],
    ) -> Result<Self, EncodeError> {
        Self::encode_in(protocols, None, target, arguments)
    }

    /// Encodes a question to a client in both protocols.
    pub fn encode_question(
        invocation_id: &str,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<Self, EncodeError> {
        Self::encode_in(&Protocol::ALL, Some(invocation_id), target, arguments)
    }

    fn encode_in(
        protocols: &[Protocol],
        invocation_id: Option<&str>,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<Self, EncodeError> {
        let message = Self::default();
        for &protocol in protocols {
            let frame = Frame::encode_shared(protocol, |out| {
                write::write_invocation(protocol, out, invocation_id, target, arguments)
            })?;
            let _ = message.slot(protocol).set(Ok(frame));
        }
        Ok(message)
    }

    /// A message that another instance wrote, in whatever protocols it knows.
    pub fn received(received: SerializedMessage) -> Self {
        Self {
            received,
            ..Self::default()
        }
    }

    /// The message in one protocol.
    pub fn frame(&self, protocol: Protocol) -> Result<&Frame, EncodeError> {
        let made = self
            .slot(protocol)
            .get_or_init(|| match self.received.get(protocol) {
                Some(framed) => Ok(Frame::shared_from_framed(protocol, framed)),
                None => self.transcode(protocol),
            });
        made.as_ref().map_err(EncodeError::clone)
    }

    /// The message as other instances get it, in the protocols it was encoded in.
    pub fn serialized(&self) -> SerializedMessage {
        let message = |slot: &Slot| Some(slot.get()?.as_ref().ok()?.message());
        SerializedMessage {
            json: message(&self.json),
            messagepack: message(&self.messagepack),
        }
    }

    /// How many bytes the message keeps alive.
    pub fn weight(&self) -> usize {
        let frames = [&self.json, &self.messagepack];
        let frames = frames
            .iter()
            .filter_map(|slot| slot.get()?.as_ref().ok())
            .map(Frame::len);
        frames.sum::<usize>() + self.received.len()
    }

    fn transcode(&self, protocol: Protocol) -> Result<Frame, EncodeError> {
        let other = match protocol {
            Protocol::Json => Protocol::MessagePack,
            Protocol::MessagePack => Protocol::Json,
        };
        let made = self.slot(other).get().and_then(|made| made.as_ref().ok());
        let source = made
            .map(Frame::message)
            .or_else(|| self.received.get(other).cloned())
            .ok_or(EncodeError::new("the message has no body"))?;
        let framed = transcode::message(other, protocol, &source)
            .map_err(|error| EncodeError::new(error.to_string()))?;
        Ok(Frame::shared_from_framed(protocol, &framed))
    }

    fn slot(&self, protocol: Protocol) -> &Slot {
        match protocol {
            Protocol::Json => &self.json,
            Protocol::MessagePack => &self.messagepack,
        }
    }
}
