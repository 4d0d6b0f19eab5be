//! A message to many, encoded at most once per protocol.

use std::sync::OnceLock;

use crate::signalr::{
    connection::Frame,
    protocol::{EncodeArguments, EncodeError, Protocol, transcode, write},
};

/// An invocation of a client method, ready to be shared by every connection that gets it.
#[derive(Debug, Default)]
pub struct Message {
    json: OnceLock<Frame>,
    messagepack: OnceLock<Frame>,
}

impl Message {
    /// Encodes `target(arguments)` in each of `protocols`; another one is made from these if a
    /// connection turns out to need it.
    pub fn encode(
        target: &str,
        arguments: &dyn EncodeArguments,
        protocols: &[Protocol],
    ) -> Result<Self, EncodeError> {
        let message = Self::default();
        for &protocol in protocols {
            let frame = Frame::encode_shared(protocol, |out| {
                write::write_invocation(protocol, out, None, target, arguments)
            })?;
            let _ = message.slot(protocol).set(frame);
        }
        Ok(message)
    }

    /// The message in one protocol.
    pub fn frame(&self, protocol: Protocol) -> Result<&Frame, EncodeError> {
        if let Some(frame) = self.slot(protocol).get() {
            return Ok(frame);
        }
        let other = match protocol {
            Protocol::Json => Protocol::MessagePack,
            Protocol::MessagePack => Protocol::Json,
        };
        let source = self
            .slot(other)
            .get()
            .map(Frame::message)
            .unwrap_or_default();
        let framed = transcode::message(other, protocol, &source)
            .map_err(|error| EncodeError::new(error.to_string()))?;
        let frame = Frame::shared_from_framed(protocol, &framed);
        Ok(self.slot(protocol).get_or_init(|| frame))
    }

    /// How many bytes the message keeps alive.
    pub fn weight(&self) -> usize {
        [&self.json, &self.messagepack]
            .iter()
            .filter_map(|slot| slot.get())
            .map(Frame::len)
            .sum()
    }

    fn slot(&self, protocol: Protocol) -> &OnceLock<Frame> {
        match protocol {
            Protocol::Json => &self.json,
            Protocol::MessagePack => &self.messagepack,
        }
    }
}
