//! From one encoding to the other.

use super::{
    EncodeArguments, Protocol,
    error::{EncodeError, ProtocolError},
    framing::{Split, length_prefix, split},
    json,
    message::{ClientMessage, Outcome, Raw},
    messagepack, parse,
    payload::RawPayload,
    write,
};

use thiserror::Error;

/// Why a message could not be converted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TranscodeError {
    /// It is no message.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// It holds a value that the other protocol cannot hold.
    #[error(transparent)]
    Value(#[from] EncodeError),
    /// There is no whole message, or more than one.
    #[error("not exactly one framed message")]
    Framing,
    /// A type of message that servers do not send to each other.
    #[error("a message of this type is not converted")]
    Type,
}

/// Converts one framed message: with record separator in JSON, with length prefix in MessagePack.
pub fn message(from: Protocol, to: Protocol, framed: &[u8]) -> Result<Vec<u8>, TranscodeError> {
    let Split::Message { body, consumed } = split(from, framed, &mut 0, None)? else {
        return Err(TranscodeError::Framing);
    };
    if consumed != framed.len() {
        return Err(TranscodeError::Framing);
    }
    if from == to {
        return Ok(framed.to_vec());
    }
    let mut out = Vec::with_capacity(framed.len());
    write_message(parse(from, body)?, to, &mut out)?;
    if to == Protocol::MessagePack {
        let prefix = length_prefix(out.len());
        out.splice(0..0, prefix.iter().copied());
    }
    Ok(out)
}

fn write_message(
    message: ClientMessage<'_>,
    to: Protocol,
    out: &mut Vec<u8>,
) -> Result<(), TranscodeError> {
    match message {
        ClientMessage::Invocation(call) => {
            let arguments = call
                .arguments
                .map_err(|error| EncodeError::new(error.to_string()))?;
            let arguments: Vec<RawPayload> = arguments.into_iter().map(RawPayload::from).collect();
            let arguments: &dyn EncodeArguments = &arguments;
            write::write_invocation(
                to,
                out,
                call.invocation_id.as_deref(),
                &call.target,
                arguments,
            )?;
        }
        ClientMessage::StreamItem {
            invocation_id,
            item,
        } => {
            write::write_stream_item(to, out, &invocation_id, &RawPayload::from(item))?;
        }
        ClientMessage::Completion {
            invocation_id,
            outcome,
        } => match outcome {
            Outcome::Result(result) => {
                write::write_result(to, out, &invocation_id, &RawPayload::from(result))?
            }
            Outcome::Error(error) => write::write_error(to, out, &invocation_id, &error),
            Outcome::Void => write::write_void(to, out, &invocation_id),
        },
        ClientMessage::Ping => write::write_ping(to, out),
        ClientMessage::Close {
            error,
            allow_reconnect,
        } => {
            write::write_close(to, out, error.as_deref(), allow_reconnect);
        }
        ClientMessage::Ack { sequence_id } => write::write_ack(to, out, sequence_id),
        ClientMessage::Sequence { sequence_id } => write::write_sequence(to, out, sequence_id),
        ClientMessage::StreamInvocation(_)
        | ClientMessage::CancelInvocation { .. }
        | ClientMessage::Unknown => {
            return Err(TranscodeError::Type);
        }
    }
    Ok(())
}

/// Appends `raw` in the protocol that it is not in.
pub fn value(raw: Raw<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match raw {
        Raw::Json(text) => json::to_messagepack(text, out),
        Raw::MessagePack(bytes) => messagepack::to_json(bytes, out),
    }
}
