//! The hub protocols: bytes in, messages out, and back.
//!
//! A connection speaks one of two encodings, chosen by the handshake: JSON records that end with
//! the byte `1E`, or MessagePack arrays behind a length prefix. Both carry the same nine kinds of
//! message. This module parses what clients send, writes what the server sends, and converts
//! values between the two. It does no I/O and knows no time; who may send what, and when, is
//! decided above.
//!
//! | file | what |
//! |---|---|
//! | [`message`] | what a client can say, borrowed from the bytes it came in |
//! | [`framing`] | where one message ends and the next begins |
//! | [`handshake`] | the first record of a connection |
//! | [`write`](mod@write) | what the server can say |
//! | [`value`] | typed arguments, results and items, and values passed on unchanged |
//! | [`EncodedArray`] | large arrays, encoded piece by piece |
//! | [`transcode`] | from one encoding to the other |
//! | `json`, `messagepack` | the encodings themselves |

mod encoded;
pub mod error;
pub mod framing;
pub mod handshake;
mod json;
pub mod message;
pub(in crate::signalr) mod messagepack;
mod payload;
pub mod transcode;
pub mod value;
pub mod write;

pub use encoded::{EncodedArray, encode_object};
pub use error::{DecodeError, EncodeError, ProtocolError};
pub use message::{Arguments, ClientMessage, Invocation, Outcome, Raw};
pub use payload::RawPayload;
pub use value::{Decode, Encode, EncodeArguments};

/// The highest protocol version we speak. 2 adds stateful reconnect, 1 is accepted as well.
pub const MAXIMUM_VERSION: i64 = 2;

/// The encoding a connection chose in its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// UTF-8 JSON objects, each followed by the record separator.
    Json,
    /// MessagePack arrays, each behind its length.
    MessagePack,
}

/// Whether a protocol needs a transport that carries arbitrary bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferFormat {
    /// UTF-8 text; every transport can do it.
    Text,
    /// Arbitrary bytes; server-sent events cannot do it.
    Binary,
}

impl Protocol {
    /// Both protocols, in the order we prefer them.
    pub const ALL: [Protocol; 2] = [Protocol::Json, Protocol::MessagePack];

    /// The name a handshake asks for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
        }
    }

    /// Finds a protocol by name, whatever the letter case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }

    /// What the transport must be able to carry; also decides the WebSocket opcode we send.
    pub fn transfer_format(self) -> TransferFormat {
        match self {
            Self::Json => TransferFormat::Text,
            Self::MessagePack => TransferFormat::Binary,
        }
    }
}

impl TransferFormat {
    /// The name used in negotiate responses and error texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Binary => "Binary",
        }
    }
}

/// Parses one message a client sent: a JSON record without its separator, or a MessagePack body
/// without its length prefix.
pub fn parse(protocol: Protocol, body: &[u8]) -> Result<ClientMessage<'_>, ProtocolError> {
    match protocol {
        Protocol::Json => json::parse(body),
        Protocol::MessagePack => messagepack::parse(body),
    }
}

#[cfg(test)]
mod tests;
