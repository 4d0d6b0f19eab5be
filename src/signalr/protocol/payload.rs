//! Values passed on unchanged.

use bytes::Bytes;

use super::{
    Protocol,
    error::{DecodeError, EncodeError},
    json,
    message::Raw,
    messagepack, transcode,
    value::{Decode, Encode},
};

/// A value that nobody here looks into: it leaves as it came, converted only for a receiver of
/// the other protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPayload {
    protocol: Protocol,
    bytes: Bytes,
}

impl RawPayload {
    /// The items of a JSON array, each kept to the letter: arguments that came from outside the hub
    /// protocol. They may nest as deep as those of an invocation.
    pub fn from_json_array(text: &str) -> Result<Vec<Self>, DecodeError> {
        // As deep as they will be inside a message.
        if json::is_too_deep(format!("[{text}]").as_bytes()) {
            return Err(DecodeError::new("the arguments nest too deep"));
        }
        let items: Vec<&serde_json::value::RawValue> =
            serde_json::from_str(text).map_err(|error| DecodeError::new(error.to_string()))?;
        let payloads = items.into_iter().map(|item| Raw::Json(item.get()).into());
        Ok(payloads.collect())
    }

    /// The protocol it is encoded in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The encoded value.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The value, still encoded.
    pub fn as_raw(&self) -> Raw<'_> {
        match self.protocol {
            // Json payloads are only ever made of text.
            Protocol::Json => Raw::Json(std::str::from_utf8(&self.bytes).unwrap_or("null")),
            Protocol::MessagePack => Raw::MessagePack(&self.bytes),
        }
    }
}

impl From<Raw<'_>> for RawPayload {
    /// Copies: a payload outlives the read buffer, and must not keep all of it alive.
    fn from(raw: Raw<'_>) -> Self {
        match raw {
            Raw::Json(text) => Self {
                protocol: Protocol::Json,
                bytes: Bytes::copy_from_slice(text.as_bytes()),
            },
            Raw::MessagePack(bytes) => Self {
                protocol: Protocol::MessagePack,
                bytes: Bytes::copy_from_slice(bytes),
            },
        }
    }
}

impl Decode for RawPayload {
    /// JSON is kept to the letter. MessagePack is spelled as the reference spells what it passes
    /// on, which clients cannot tell from the original, but recorded conversations can.
    fn decode(raw: Raw<'_>) -> Result<Self, DecodeError> {
        let Raw::MessagePack(bytes) = raw else {
            return Ok(raw.into());
        };
        let mut spelled = Vec::with_capacity(bytes.len());
        messagepack::respell(bytes, &mut spelled)
            .ok_or(DecodeError::new("malformed MessagePack"))?;
        Ok(Self {
            protocol: Protocol::MessagePack,
            bytes: spelled.into(),
        })
    }
}

impl Encode for RawPayload {
    fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if protocol == self.protocol {
            out.extend_from_slice(&self.bytes);
            return Ok(());
        }
        transcode::value(self.as_raw(), out)
    }
}
