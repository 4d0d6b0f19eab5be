//! Reads one MessagePack message, element by element.
//!
//! Elements have fixed places; what follows the last one we know is left alone, so that newer
//! clients may add to it. Anything wrong within `arguments` only fails that call.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::reader::Reader;
use crate::signalr::protocol::{
    error::{DecodeError, ProtocolError},
    message::{Arguments, ClientMessage, Invocation, Outcome, Raw},
};

/// Parses a body without its length prefix.
pub fn parse(body: &[u8]) -> Result<ClientMessage<'_>, ProtocolError> {
    let mut reader = Reader::new(body);
    let code = reader.peek().ok_or(ProtocolError::EndOfMessage)?;
    let Some(elements) = reader.array_length() else {
        return Err(not_an_array(code));
    };
    let mut elements = Elements {
        reader,
        count: elements,
    };
    match elements.int32("messageType")? {
        1 => elements.invocation(),
        2 => elements.stream_item(),
        3 => elements.completion(),
        4 => elements.stream_invocation(),
        5 => elements.cancel_invocation(),
        6 => Ok(ClientMessage::Ping),
        7 => elements.close(),
        8 => Ok(ClientMessage::Ack {
            sequence_id: elements.int64("sequenceId")?,
        }),
        9 => Ok(ClientMessage::Sequence {
            sequence_id: elements.int64("sequenceId")?,
        }),
        _ => Ok(ClientMessage::Unknown),
    }
}

fn not_an_array(code: u8) -> ProtocolError {
    match code {
        // An array whose length is cut off, or that claims more elements than there are bytes.
        0x90..=0x9f | 0xdc | 0xdd => ProtocolError::EndOfMessage,
        code => ProtocolError::UnexpectedCode { code },
    }
}

/// The elements of a message that are yet to be read.
struct Elements<'a> {
    reader: Reader<'a>,
    /// How many the message has in all.
    count: usize,
}

impl<'a> Elements<'a> {
    fn invocation(mut self) -> Result<ClientMessage<'a>, ProtocolError> {
        self.headers()?;
        let invocation_id = self.string("invocationId")?.filter(|id| !id.is_empty());
        let target = self.required("target", "target for Invocation message")?;
        self.call(invocation_id, target)
            .map(ClientMessage::Invocation)
    }

    fn stream_invocation(mut self) -> Result<ClientMessage<'a>, ProtocolError> {
        self.headers()?;
        let invocation_id =
            self.required("invocationId", "invocation ID for StreamInvocation message")?;
        let target = self.required("target", "target for StreamInvocation message")?;
        self.call(Some(invocation_id), target)
            .map(ClientMessage::StreamInvocation)
    }

    fn call(
        mut self,
        invocation_id: Option<Cow<'a, str>>,
        target: Cow<'a, str>,
    ) -> Result<Invocation<'a>, ProtocolError> {
        let arguments = self.arguments();
        // After undecodable arguments there is no telling where the stream ids begin.
        let stream_ids = match arguments {
            Ok(_) if self.count > 5 => self.stream_ids()?,
            _ => Vec::new(),
        };
        Ok(Invocation {
            invocation_id,
            target,
            arguments,
            stream_ids,
        })
    }

    fn stream_item(mut self) -> Result<ClientMessage<'a>, ProtocolError> {
        self.headers()?;
        let invocation_id =
            self.required("invocationId", "invocation ID for StreamItem message")?;
        let item = self.value("item")?;
        Ok(ClientMessage::StreamItem {
            invocation_id,
            item,
        })
    }

    fn completion(mut self) -> Result<ClientMessage<'a>, ProtocolError> {
        self.headers()?;
        let invocation_id =
            self.required("invocationId", "invocation ID for Completion message")?;
        let outcome = match self.int32("resultKind")? {
            1 => self.string("error")?.map_or(Outcome::Void, Outcome::Error),
            2 => Outcome::Void,
            3 => Outcome::Result(self.value("argument")?),
            _ => return Err(ProtocolError::InvalidResultKind),
        };
        Ok(ClientMessage::Completion {
            invocation_id,
            outcome,
        })
    }

    fn cancel_invocation(mut self) -> Result<ClientMessage<'a>, ProtocolError> {
        self.headers()?;
        let invocation_id =
            self.required("invocationId", "invocation ID for CancelInvocation message")?;
        Ok(ClientMessage::CancelInvocation { invocation_id })
    }

    fn close(mut self) -> Result<ClientMessage<'a>, ProtocolError> {
        let error = self.string("error")?;
        let allow_reconnect = self.count > 2 && self.boolean("allowReconnect")?;
        Ok(ClientMessage::Close {
            error,
            allow_reconnect,
        })
    }

    /// Nobody reads headers, but they must be well-formed.
    fn headers(&mut self) -> Result<(), ProtocolError> {
        let pairs = self
            .reader
            .map_length()
            .ok_or(ProtocolError::NotAMap("headers"))?;
        for index in 0..pairs {
            self.header(index, "Key", "key in header")?;
            self.header(index, "Value", "value in header")?;
        }
        Ok(())
    }

    fn header(
        &mut self,
        index: usize,
        part: &str,
        what: &'static str,
    ) -> Result<(), ProtocolError> {
        let text = self
            .reader
            .string()
            .ok_or_else(|| ProtocolError::UnreadableField {
                field: format!("headers[{index}].{part}").into(),
                expected: "String",
            })?;
        non_empty(text, what).map(drop)
    }

    fn arguments(&mut self) -> Arguments<'a> {
        let count = self.reader.array_length().ok_or(DecodeError::new(
            "Reading array length for 'arguments' failed.",
        ))?;
        let mut arguments = SmallVec::new();
        for _ in 0..count {
            let argument = self
                .reader
                .value()
                .ok_or(DecodeError::new(DecodeError::BINDING))?;
            arguments.push(Raw::MessagePack(argument));
        }
        Ok(arguments)
    }

    fn stream_ids(&mut self) -> Result<Vec<Cow<'a, str>>, ProtocolError> {
        let count = self
            .reader
            .array_length()
            .ok_or(ProtocolError::NotAnArray("streamIds"))?;
        (0..count)
            .map(|_| self.required("streamIds", "value in streamIds received"))
            .collect()
    }

    fn value(&mut self, field: &'static str) -> Result<Raw<'a>, ProtocolError> {
        let value = self
            .reader
            .value()
            .ok_or(ProtocolError::UnreadableValue(field))?;
        Ok(Raw::MessagePack(value))
    }

    fn required(
        &mut self,
        field: &'static str,
        what: &'static str,
    ) -> Result<Cow<'a, str>, ProtocolError> {
        non_empty(self.string(field)?, what)
    }

    fn string(&mut self, field: &'static str) -> Result<Option<Cow<'a, str>>, ProtocolError> {
        self.reader.string().ok_or(unreadable(field, "String"))
    }

    fn int32(&mut self, field: &'static str) -> Result<i32, ProtocolError> {
        let number = self
            .reader
            .integer()
            .and_then(|number| number.try_into().ok());
        number.ok_or(unreadable(field, "Int32"))
    }

    fn int64(&mut self, field: &'static str) -> Result<i64, ProtocolError> {
        self.reader.integer().ok_or(unreadable(field, "Int64"))
    }

    fn boolean(&mut self, field: &'static str) -> Result<bool, ProtocolError> {
        self.reader.boolean().ok_or(unreadable(field, "Boolean"))
    }
}

fn unreadable(field: &'static str, expected: &'static str) -> ProtocolError {
    ProtocolError::UnreadableField {
        field: field.into(),
        expected,
    }
}

fn non_empty<'a>(
    text: Option<Cow<'a, str>>,
    what: &'static str,
) -> Result<Cow<'a, str>, ProtocolError> {
    text.filter(|text| !text.is_empty())
        .ok_or(ProtocolError::NullOrEmpty(what))
}
