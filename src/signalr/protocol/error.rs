//! What can be wrong with bytes and values, in the words of the reference server.
//!
//! Clients and test suites compare these texts, so they are part of the protocol.

use std::borrow::Cow;

use thiserror::Error;

/// A message that cannot be understood. It ends the connection; the text reaches the client only
/// with detailed errors, behind [`exception_type`](Self::exception_type).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// Not JSON, cut short, nested too deeply, or not UTF-8.
    #[error("Error reading JSON.")]
    MalformedJson,
    /// Valid JSON, but not an object.
    #[error("Unexpected JSON Token Type '{0}'. Expected a JSON Object.")]
    NotAnObject(&'static str),
    /// A member that this type of message needs.
    #[error("Missing required property '{0}'.")]
    MissingProperty(&'static str),
    /// A known member holds another type of value.
    #[error("Expected '{property}' to be of type {expected}.")]
    WrongType {
        /// The member.
        property: &'static str,
        /// The type it must have, in the reference server's words.
        expected: &'static str,
    },
    /// A known member must be a boolean and is not.
    #[error("Expected '{0}' to be true or false.")]
    NotABoolean(&'static str),
    /// A header with another value than a string.
    #[error("Expected header '{0}' to be of type String.")]
    HeaderNotAString(String),
    /// `streamIds` contains null.
    #[error("Null value for 'streamIds' is not valid.")]
    NullStreamId,
    /// `streamIds` contains something that is neither string nor null.
    #[error("Cannot get the value of a token type '{0}' as a string.")]
    StreamIdNotAString(&'static str),
    /// A number with a point, an exponent, or too many digits where an integer is needed.
    #[error("Either the JSON value is not in a supported format, or is out of bounds for an {0}.")]
    NotAnInteger(&'static str),
    /// A completion that is both success and failure.
    #[error("The 'error' and 'result' properties are mutually exclusive.")]
    ErrorAndResult,
    /// A MessagePack element of another type.
    #[error("Reading '{field}' as {expected} failed.")]
    UnreadableField {
        /// The element.
        field: Cow<'static, str>,
        /// The type it must have, in the reference server's words.
        expected: &'static str,
    },
    /// A MessagePack element that must be a map and is not.
    #[error("Reading map length for '{0}' failed.")]
    NotAMap(&'static str),
    /// A MessagePack element that must be an array and is not.
    #[error("Reading array length for '{0}' failed.")]
    NotAnArray(&'static str),
    /// A MessagePack value that ends too early, nests too deeply, or is none.
    #[error("Deserializing object of the value for '{0}' failed.")]
    UnreadableValue(&'static str),
    /// A MessagePack string that must not be nil or empty.
    #[error("Null or empty {0}.")]
    NullOrEmpty(&'static str),
    /// A MessagePack completion that is neither error, void nor value.
    #[error("Invalid invocation result kind.")]
    InvalidResultKind,
    /// A MessagePack message that is not an array.
    #[error("Unexpected msgpack code {code} ({format}) encountered.", format = crate::signalr::protocol::messagepack::format_name(*.code))]
    UnexpectedCode {
        /// Its first byte.
        code: u8,
    },
    /// A MessagePack message that ends before it begins.
    #[error("Attempted to read past the end of the stream.")]
    EndOfMessage,
    /// The first bytes hold no complete message although there are more than allowed.
    #[error(
        "The maximum message size of {maximum}B was exceeded. The message size can be configured in AddHubOptions."
    )]
    MessageTooLarge {
        /// The limit in bytes, separator or prefix included.
        maximum: usize,
    },
    /// A length prefix above 2^31-1.
    #[error("Messages over 2GB in size are not supported.")]
    MessageOver2Gigabytes,
    /// The connection ended with half a message in the buffer.
    #[error("Connection terminated while reading a message.")]
    ConnectionTerminated,
}

impl ProtocolError {
    /// The exception type that detailed errors name.
    pub fn exception_type(&self) -> &'static str {
        match self {
            Self::NotAnInteger(_) | Self::MessageOver2Gigabytes => "FormatException",
            Self::StreamIdNotAString(_) => "InvalidOperationException",
            Self::UnexpectedCode { .. } => "MessagePackSerializationException",
            Self::EndOfMessage => "EndOfStreamException",
            _ => "InvalidDataException",
        }
    }
}

/// A value that does not fit the type asked for. Never fatal: an invocation is answered with an
/// error completion, an upload stream ends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DecodeError(Cow<'static, str>);

impl DecodeError {
    /// What the reference says about arguments that do not fit.
    pub const BINDING: &str = "Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.";

    /// Says why.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

/// A value that the protocol cannot hold, such as NaN in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct EncodeError(Cow<'static, str>);

impl EncodeError {
    /// Says why.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl serde::ser::Error for EncodeError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self::new(reason.to_string())
    }
}
