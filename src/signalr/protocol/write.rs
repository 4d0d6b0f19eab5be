//! What the server says.
//!
//! Every function appends one message to `out`: in JSON with its record separator, in MessagePack
//! without its length prefix, which goes in front when the frame is built. A function that fails
//! leaves `out` as it was.

use super::{
    Protocol,
    error::EncodeError,
    framing::RECORD_SEPARATOR,
    json,
    messagepack::writer,
    value::{Encode, EncodeArguments},
};

/// A call of a client method; with an id the client must answer with a completion.
pub fn write_invocation(
    protocol: Protocol,
    out: &mut Vec<u8>,
    invocation_id: Option<&str>,
    target: &str,
    arguments: &dyn EncodeArguments,
) -> Result<(), EncodeError> {
    or_undo(out, |out| match protocol {
        Protocol::Json => {
            out.extend_from_slice(br#"{"type":1"#);
            if let Some(id) = invocation_id {
                member(out, r#","invocationId":"#, id);
            }
            member(out, r#","target":"#, target);
            out.extend_from_slice(br#","arguments":"#);
            arguments.encode_array(protocol, out)?;
            end(out);
            Ok(())
        }
        Protocol::MessagePack => {
            out.extend_from_slice(&[0x96, 1, 0x80]);
            match invocation_id {
                Some(id) => writer::string(out, id),
                None => writer::nil(out),
            }
            writer::string(out, target);
            arguments.encode_array(protocol, out)?;
            writer::array(out, 0);
            Ok(())
        }
    })
}

/// One item of a result stream.
pub fn write_stream_item(
    protocol: Protocol,
    out: &mut Vec<u8>,
    invocation_id: &str,
    item: &dyn Encode,
) -> Result<(), EncodeError> {
    or_undo(out, |out| match protocol {
        Protocol::Json => {
            member(out, r#"{"type":2,"invocationId":"#, invocation_id);
            out.extend_from_slice(br#","item":"#);
            item.encode(protocol, out)?;
            end(out);
            Ok(())
        }
        Protocol::MessagePack => {
            out.extend_from_slice(&[0x94, 2, 0x80]);
            writer::string(out, invocation_id);
            item.encode(protocol, out)
        }
    })
}

/// The value a call ended with. A method that returns nothing says null.
pub fn write_result(
    protocol: Protocol,
    out: &mut Vec<u8>,
    invocation_id: &str,
    result: &dyn Encode,
) -> Result<(), EncodeError> {
    or_undo(out, |out| match protocol {
        Protocol::Json => {
            member(out, r#"{"type":3,"invocationId":"#, invocation_id);
            out.extend_from_slice(br#","result":"#);
            result.encode(protocol, out)?;
            end(out);
            Ok(())
        }
        Protocol::MessagePack => {
            out.extend_from_slice(&[0x95, 3, 0x80]);
            writer::string(out, invocation_id);
            out.push(3);
            result.encode(protocol, out)
        }
    })
}

/// The error a call or stream ended with.
pub fn write_error(protocol: Protocol, out: &mut Vec<u8>, invocation_id: &str, error: &str) {
    match protocol {
        Protocol::Json => {
            member(out, r#"{"type":3,"invocationId":"#, invocation_id);
            member(out, r#","error":"#, error);
            end(out);
        }
        Protocol::MessagePack => {
            out.extend_from_slice(&[0x95, 3, 0x80]);
            writer::string(out, invocation_id);
            out.push(1);
            writer::string(out, error);
        }
    }
}

/// The end of a result stream: neither result nor error.
pub fn write_void(protocol: Protocol, out: &mut Vec<u8>, invocation_id: &str) {
    match protocol {
        Protocol::Json => {
            member(out, r#"{"type":3,"invocationId":"#, invocation_id);
            end(out);
        }
        Protocol::MessagePack => {
            out.extend_from_slice(&[0x94, 3, 0x80]);
            writer::string(out, invocation_id);
            out.push(2);
        }
    }
}

/// A sign of life.
pub fn write_ping(protocol: Protocol, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Json => out.extend_from_slice(b"{\"type\":6}\x1e"),
        Protocol::MessagePack => out.extend_from_slice(&[0x91, 6]),
    }
}

/// The last message of a connection.
pub fn write_close(
    protocol: Protocol,
    out: &mut Vec<u8>,
    error: Option<&str>,
    allow_reconnect: bool,
) {
    match protocol {
        Protocol::Json => {
            out.extend_from_slice(br#"{"type":7"#);
            if let Some(error) = error {
                member(out, r#","error":"#, error);
            }
            // False is expressed by silence.
            if allow_reconnect {
                out.extend_from_slice(br#","allowReconnect":true"#);
            }
            end(out);
        }
        Protocol::MessagePack => {
            out.extend_from_slice(&[0x93, 7]);
            match error {
                Some(error) => writer::string(out, error),
                None => writer::nil(out),
            }
            writer::boolean(out, allow_reconnect);
        }
    }
}

/// The number of the last message received (stateful reconnect).
pub fn write_ack(protocol: Protocol, out: &mut Vec<u8>, sequence_id: i64) {
    write_numbered(protocol, out, 8, sequence_id);
}

/// The number of the message that comes next (stateful reconnect).
pub fn write_sequence(protocol: Protocol, out: &mut Vec<u8>, sequence_id: i64) {
    write_numbered(protocol, out, 9, sequence_id);
}

fn write_numbered(protocol: Protocol, out: &mut Vec<u8>, kind: u8, sequence_id: i64) {
    match protocol {
        Protocol::Json => {
            out.extend_from_slice(br#"{"type":"#);
            json::write_integer(out, kind);
            out.extend_from_slice(br#","sequenceId":"#);
            json::write_integer(out, sequence_id);
            end(out);
        }
        Protocol::MessagePack => {
            out.extend_from_slice(&[0x92, kind]);
            writer::integer(out, sequence_id);
        }
    }
}

/// Appends the beginning of a JSON member as given, then its value.
fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    json::write_string(out, value);
}

/// Ends a JSON message.
fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'}', RECORD_SEPARATOR]);
}

/// Nothing of a message that could not be written may stay behind.
fn or_undo(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let outcome = write(out);
    if outcome.is_err() {
        out.truncate(start);
    }
    outcome
}
