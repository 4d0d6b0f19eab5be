//! What a client can say, borrowed from the bytes it came in.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::error::DecodeError;

/// One message from a client.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMessage<'a> {
    /// Calls a method that answers once, or not at all.
    Invocation(Invocation<'a>),
    /// Calls a method that answers with a stream; the `invocation_id` is always `Some`.
    StreamInvocation(Invocation<'a>),
    /// One item of an upload stream.
    StreamItem {
        /// The upload stream.
        invocation_id: Cow<'a, str>,
        /// The item.
        item: Raw<'a>,
    },
    /// The end of an upload stream, or the answer to a call the server made.
    Completion {
        /// The upload stream or the server's call.
        invocation_id: Cow<'a, str>,
        /// How it ended.
        outcome: Outcome<'a>,
    },
    /// Stops a result stream.
    CancelInvocation {
        /// The call that began the stream.
        invocation_id: Cow<'a, str>,
    },
    /// A sign of life.
    Ping,
    /// The client is leaving.
    Close {
        /// Why, if it is for a fault.
        error: Option<Cow<'a, str>>,
        /// Meant for servers; clients have no use for it.
        allow_reconnect: bool,
    },
    /// Everything up to this message has arrived (stateful reconnect).
    Ack {
        /// The number of the last message received.
        sequence_id: i64,
    },
    /// What follows begins with this message (stateful reconnect).
    Sequence {
        /// The number of the next message.
        sequence_id: i64,
    },
    /// A type of message that we do not know: to be ignored.
    Unknown,
}

impl ClientMessage<'_> {
    /// Whether stateful reconnect counts this message: types 1 to 5.
    pub fn is_trackable(&self) -> bool {
        match self {
            Self::Invocation(_)
            | Self::StreamInvocation(_)
            | Self::StreamItem { .. }
            | Self::Completion { .. }
            | Self::CancelInvocation { .. } => true,
            Self::Ping
            | Self::Close { .. }
            | Self::Ack { .. }
            | Self::Sequence { .. }
            | Self::Unknown => false,
        }
    }
}

/// A call of a hub method.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation<'a> {
    /// Names the call in everything the server answers. `None` (also sent as an empty string): no answer wanted.
    pub invocation_id: Option<Cow<'a, str>>,
    /// The method, in the client's letter case.
    pub target: Cow<'a, str>,
    /// The arguments in order, without those that are upload streams.
    pub arguments: Arguments<'a>,
    /// The upload streams that belong to this call.
    pub stream_ids: Vec<Cow<'a, str>>,
}

/// Arguments, each still encoded. An error is a binding error: the call fails, the connection lives.
pub type Arguments<'a> = Result<SmallVec<[Raw<'a>; 4]>, DecodeError>;

/// How a call or a stream ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// With a value, which may be null.
    Result(Raw<'a>),
    /// With an error text.
    Error(Cow<'a, str>),
    /// With neither.
    Void,
}

/// One well-formed value, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raw<'a> {
    /// JSON text without white space around it.
    Json(&'a str),
    /// MessagePack bytes.
    MessagePack(&'a [u8]),
}
