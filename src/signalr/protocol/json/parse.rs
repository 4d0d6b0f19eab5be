//! Reads one JSON message in a single pass.
//!
//! Members come in any order, `type` often last, so every known member is taken as it comes and
//! checked against its own type, and only then the message is put together. The reference does
//! the same, hence a bad member is an error even where the message has no use for it, and the
//! first bad thing in the text decides which error it is. Arguments, items and results are not
//! looked into: they stay text.

use std::borrow::Cow;

use super::{
    members::{Members, MembersVisitor},
    record::read_object,
};
use crate::signalr::protocol::{
    error::ProtocolError,
    message::{ClientMessage, Invocation, Outcome},
};

/// Parses a record without its separator.
pub fn parse(record: &[u8]) -> Result<ClientMessage<'_>, ProtocolError> {
    let mut members = Members::default();
    let mut fault = None;
    let visitor = MembersVisitor {
        members: &mut members,
        fault: &mut fault,
    };
    match read_object(record, visitor) {
        Ok(()) => members.into_message(),
        Err(error) => Err(fault.unwrap_or(error)),
    }
}

impl<'a> Members<'a> {
    fn into_message(self) -> Result<ClientMessage<'a>, ProtocolError> {
        match self.kind.ok_or(ProtocolError::MissingProperty("type"))? {
            1 => self.into_invocation(),
            2 => self.into_stream_item(),
            3 => self.into_completion(),
            4 => self.into_stream_invocation(),
            5 => Ok(ClientMessage::CancelInvocation {
                invocation_id: required_id(self.invocation_id)?,
            }),
            6 => Ok(ClientMessage::Ping),
            7 => Ok(ClientMessage::Close {
                error: self.error,
                allow_reconnect: self.allow_reconnect,
            }),
            8 => Ok(ClientMessage::Ack {
                sequence_id: self.required_sequence_id()?,
            }),
            9 => Ok(ClientMessage::Sequence {
                sequence_id: self.required_sequence_id()?,
            }),
            _ => Ok(ClientMessage::Unknown),
        }
    }

    fn into_invocation(self) -> Result<ClientMessage<'a>, ProtocolError> {
        // An empty target is no method's name, which is for the hub to say, unless more is missing.
        let target = match (self.target, &self.arguments) {
            (Some(target), arguments) if arguments.is_some() || !target.is_empty() => target,
            _ => return Err(ProtocolError::MissingProperty("target")),
        };
        Ok(ClientMessage::Invocation(Invocation {
            invocation_id: self.invocation_id.filter(|id| !id.is_empty()),
            target,
            arguments: Ok(self
                .arguments
                .ok_or(ProtocolError::MissingProperty("arguments"))?),
            stream_ids: self.stream_ids,
        }))
    }

    fn into_stream_invocation(self) -> Result<ClientMessage<'a>, ProtocolError> {
        // The order of the checks is the reference's: the first thing missing is the one named.
        let invocation_id = required_id(self.invocation_id)?;
        let arguments = self
            .arguments
            .ok_or(ProtocolError::MissingProperty("arguments"))?;
        let target = self
            .target
            .ok_or(ProtocolError::MissingProperty("target"))?;
        Ok(ClientMessage::StreamInvocation(Invocation {
            invocation_id: Some(invocation_id),
            target,
            arguments: Ok(arguments),
            stream_ids: self.stream_ids,
        }))
    }

    fn into_stream_item(self) -> Result<ClientMessage<'a>, ProtocolError> {
        let invocation_id = required_id(self.invocation_id)?;
        let item = self.item.ok_or(ProtocolError::MissingProperty("item"))?;
        Ok(ClientMessage::StreamItem {
            invocation_id,
            item,
        })
    }

    fn into_completion(self) -> Result<ClientMessage<'a>, ProtocolError> {
        let invocation_id = required_id(self.invocation_id)?;
        let outcome = match (self.result, self.error) {
            (Some(_), Some(_)) => return Err(ProtocolError::ErrorAndResult),
            (Some(result), None) => Outcome::Result(result),
            (None, Some(error)) => Outcome::Error(error),
            (None, None) => Outcome::Void,
        };
        Ok(ClientMessage::Completion {
            invocation_id,
            outcome,
        })
    }

    fn required_sequence_id(&self) -> Result<i64, ProtocolError> {
        self.sequence_id
            .ok_or(ProtocolError::MissingProperty("sequenceId"))
    }
}

fn required_id(id: Option<Cow<'_, str>>) -> Result<Cow<'_, str>, ProtocolError> {
    id.filter(|id| !id.is_empty())
        .ok_or(ProtocolError::MissingProperty("invocationId"))
}
