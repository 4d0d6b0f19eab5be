//! A client method called by another instance, for all, a group, a user or a connection.
//!
//! Two elements: the connections left out, and the message in each protocol. A question to a client
//! has two more: the invocation id and the channel its answer goes to. Our own instances add a
//! fifth, which .NET ignores: a map with `o`, the server name of the sender, and `n`, the running
//! number of what it sent; unknown keys of it are ignored.

use std::borrow::Cow;

use bytes::Bytes;

use super::{Elements, SerializedMessage, WireError};
use crate::signalr::{
    connection::ConnectionId,
    protocol::messagepack::{
        reader::{Reader, Token},
        writer,
    },
};

/// The running number of a sender, at its longest.
const NUMBER_SIZE: usize = 9;

/// A payload that is complete but for its last part, the running number.
pub struct Unnumbered(Vec<u8>);

impl Unnumbered {
    /// How many bytes it will have at most.
    pub fn len(&self) -> usize {
        self.0.len() + NUMBER_SIZE
    }

    /// A payload has an envelope at least.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The payload with its number.
    pub fn seal(mut self, number: u64) -> Bytes {
        writer::unsigned(&mut self.0, number);
        self.0.into()
    }
}

/// A result that the sender waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRequest {
    /// The invocation id that the client answers with.
    pub invocation_id: String,
    /// Where the answer goes: a channel without the Redis prefix. Empty: nowhere.
    pub return_channel: String,
}

/// What travels on the channels of all, a group, a user and a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// Connections that do not get it, on the channels where that counts.
    pub excluded: Vec<ConnectionId>,
    /// The message.
    pub message: SerializedMessage,
    /// Set if a result is wanted.
    pub request: Option<ResultRequest>,
    /// Set if one of our own instances sent it.
    pub origin: Option<(String, u64)>,
    /// Bodies that were left away because they are not one framed message.
    pub malformed_bodies: usize,
}

impl Invocation {
    /// Reads an invocation.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let mut elements = Elements::of(payload, "Invocation", 2)?;
        let mut invocation = Self {
            excluded: elements.excluded()?,
            ..Self::default()
        };
        elements.bodies(&mut invocation)?;
        // The array of a request is longer than three; of three the third means nothing.
        if elements.count > 3 {
            invocation.request = elements.request()?;
        }
        if elements.count > 4 {
            invocation.origin = elements.origin();
        }
        Ok(invocation)
    }

    /// Whether `server` sent it: its own members have it already.
    pub fn is_from(&self, server: &str) -> bool {
        self.origin.as_ref().is_some_and(|(from, _)| from == server)
    }

    /// Writes an invocation of `server`. The message should be there in both protocols: an ASP.NET
    /// Core instance closes its clients of a protocol that is missing.
    pub fn encode<'e>(
        excluded: impl ExactSizeIterator<Item = &'e str>,
        message: &SerializedMessage,
        request: Option<&ResultRequest>,
        server: &str,
    ) -> Unnumbered {
        let request_size =
            request.map_or(0, |r| r.invocation_id.len() + r.return_channel.len() + 10);
        let size = message.len() + server.len() + request_size + excluded.len() * 24 + 64;
        let mut out = Vec::with_capacity(size);
        writer::array(&mut out, 5);
        writer::array(&mut out, excluded.len());
        excluded.for_each(|id| writer::string(&mut out, id));
        writer::map(&mut out, message.protocols().count());
        for protocol in message.protocols() {
            writer::string(&mut out, protocol.name());
            writer::binary(&mut out, message.get(protocol).map_or(&[], |body| body));
        }
        match request {
            Some(request) => {
                writer::string(&mut out, &request.invocation_id);
                writer::string(&mut out, &request.return_channel);
            }
            None => {
                writer::nil(&mut out);
                writer::nil(&mut out);
            }
        }
        writer::map(&mut out, 2);
        writer::string(&mut out, "o");
        writer::string(&mut out, server);
        writer::string(&mut out, "n");
        Unnumbered(out)
    }
}

impl Elements<'_> {
    fn excluded(&mut self) -> Result<Vec<ConnectionId>, WireError> {
        let unreadable = WireError::Unreadable("excludedIds");
        let count = self.reader.array_length().ok_or(unreadable)?;
        let mut excluded = Vec::new();
        for _ in 0..count {
            let id = self.reader.string().ok_or(unreadable)?;
            excluded.extend(id.as_deref().map(ConnectionId::from));
        }
        Ok(excluded)
    }

    fn bodies(&mut self, invocation: &mut Invocation) -> Result<(), WireError> {
        let unreadable = WireError::Unreadable("messages");
        let pairs = self.reader.map_length().ok_or(unreadable)?;
        for _ in 0..pairs {
            let name = self.reader.string().ok_or(unreadable)?;
            let body = self.binary("messages")?;
            let known = name.as_deref().unwrap_or_default();
            if !invocation.message.insert(known, body) {
                invocation.malformed_bodies += 1;
            }
        }
        Ok(())
    }

    fn request(&mut self) -> Result<Option<ResultRequest>, WireError> {
        let invocation_id = self.text("invocationId")?;
        let return_channel = self.text("returnChannel")?;
        Ok((!invocation_id.is_empty()).then_some(ResultRequest {
            invocation_id,
            return_channel,
        }))
    }

    /// Anything unexpected here only means that it is not of ours.
    fn origin(&mut self) -> Option<(String, u64)> {
        let pairs = self.reader.map_length()?;
        let (mut server, mut number) = (None, None);
        for _ in 0..pairs {
            let key = self.reader.string()?.unwrap_or_default();
            let mut value = Reader::new(self.reader.value()?);
            match &*key {
                "o" => server = value.string()?.map(Cow::into_owned),
                "n" => {
                    number = match value.token()? {
                        Token::Unsigned(number) => Some(number),
                        _ => None,
                    }
                }
                _ => {}
            }
        }
        Some((server?, number?))
    }
}
