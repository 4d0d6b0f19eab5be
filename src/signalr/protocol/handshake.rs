//! The first record of a connection: which protocol it will speak.
//!
//! Always JSON behind a record separator, whatever it asks for. The answer is an empty object, or
//! one with an error, after which the connection ends.

use std::{borrow::Cow, fmt};

use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::{
    MAXIMUM_VERSION, Protocol, TransferFormat,
    error::ProtocolError,
    framing::RECORD_SEPARATOR,
    json::{self, Int32, OrNull, Reading},
};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeRequest {
    /// The protocol's name as sent; look it up with [`Protocol::from_name`].
    pub protocol: String,
    /// The protocol's version; anything up to [`MAXIMUM_VERSION`] will do.
    pub version: i64,
}

/// Why a connection ends before it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// No such protocol, or it is switched off. Holds the name as sent.
    UnsupportedProtocol(String),
    /// A version from the future.
    UnsupportedVersion {
        /// The name as sent.
        protocol: String,
        /// The version asked for.
        version: i64,
    },
    /// The transport cannot carry this protocol.
    UnsupportedTransferFormat(Protocol),
    /// Too late, too long, or called off.
    Canceled,
    /// No handshake request. Holds exception type and message for detailed errors.
    Malformed(String),
}

/// Parses a record without its separator.
pub fn parse(record: &[u8]) -> Result<HandshakeRequest, HandshakeError> {
    let mut fault = None;
    let mut members = Members::default();
    let visitor = MembersVisitor {
        members: &mut members,
        fault: &mut fault,
    };
    json::read_object(record, visitor).map_err(|error| malformed(fault.unwrap_or(error)))?;
    let missing = |name| {
        let content = String::from_utf8_lossy(record);
        let text = format!(
            "InvalidDataException: Missing required property '{name}'. Message content: {content}"
        );
        HandshakeError::Malformed(text)
    };
    Ok(HandshakeRequest {
        protocol: members
            .protocol
            .ok_or_else(|| missing("protocol"))?
            .into_owned(),
        version: members.version.ok_or_else(|| missing("version"))?.into(),
    })
}

fn malformed(error: ProtocolError) -> HandshakeError {
    HandshakeError::Malformed(match error {
        ProtocolError::MalformedJson => {
            "JsonReaderException: The handshake request is not valid JSON.".to_owned()
        }
        error => format!("{}: {error}", error.exception_type()),
    })
}

impl HandshakeRequest {
    /// Settles on a protocol: one of `supported`, on a transport that carries `format` (a binary
    /// transport carries text as well).
    pub fn select(
        &self,
        supported: &[Protocol],
        format: TransferFormat,
    ) -> Result<Protocol, HandshakeError> {
        let protocol = Protocol::from_name(&self.protocol)
            .filter(|protocol| supported.contains(protocol))
            .ok_or_else(|| HandshakeError::UnsupportedProtocol(self.protocol.clone()))?;
        if self.version > MAXIMUM_VERSION {
            return Err(HandshakeError::UnsupportedVersion {
                protocol: self.protocol.clone(),
                version: self.version,
            });
        }
        if protocol.transfer_format() == TransferFormat::Binary && format == TransferFormat::Text {
            return Err(HandshakeError::UnsupportedTransferFormat(protocol));
        }
        Ok(protocol)
    }
}

impl HandshakeError {
    /// What the client is told; `detailed` adds what exactly is malformed.
    pub fn text(&self, detailed: bool) -> String {
        match self {
            Self::UnsupportedProtocol(name) => format!("The protocol '{name}' is not supported."),
            Self::UnsupportedVersion { protocol, version } => {
                format!(
                    "The server does not support version {version} of the '{protocol}' protocol."
                )
            }
            Self::UnsupportedTransferFormat(protocol) => format!(
                "Cannot use the '{}' protocol on the current transport. The transport does not support '{}' transfer format.",
                protocol.name(),
                protocol.transfer_format().name(),
            ),
            Self::Canceled => "Handshake was canceled.".to_owned(),
            Self::Malformed(details) if detailed => {
                format!("An unexpected error occurred during connection handshake. {details}")
            }
            Self::Malformed(_) => {
                "An unexpected error occurred during connection handshake.".to_owned()
            }
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.text(true))
    }
}

impl std::error::Error for HandshakeError {}

/// The answer to a handshake request, record separator included.
pub fn response(error: Option<&str>) -> Vec<u8> {
    let mut out = b"{".to_vec();
    if let Some(error) = error {
        out.extend_from_slice(br#""error":"#);
        json::write_string(&mut out, error);
    }
    out.extend_from_slice(&[b'}', RECORD_SEPARATOR]);
    out
}

#[derive(Default)]
struct Members<'a> {
    protocol: Option<Cow<'a, str>>,
    version: Option<i32>,
}

struct MembersVisitor<'v, 'a> {
    members: &'v mut Members<'a>,
    fault: &'v mut Option<ProtocolError>,
}

impl<'a> Visitor<'a> for MembersVisitor<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a handshake request")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<str>>()? {
            match &*name {
                "protocol" => {
                    self.members.protocol = Some(json::read_text(&mut map, self.fault, "protocol")?)
                }
                "version" => {
                    let reading = Reading {
                        fault: &mut *self.fault,
                        expect: OrNull(Int32("version")),
                    };
                    self.members.version = map.next_value_seed(reading)?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
