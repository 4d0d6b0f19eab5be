//! Converts a MessagePack value to JSON, token by token.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    MAXIMUM_DEPTH,
    reader::{Reader, Token},
    timestamp::Timestamp,
};
use crate::signalr::protocol::{
    error::EncodeError,
    json::{write_f32, write_f64, write_integer, write_string},
};

/// Appends the value `bytes` as JSON: binary as base64, timestamps as ISO 8601 text, keys as
/// text. NaN, infinity, and extensions other than timestamps have no JSON.
pub fn to_json(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut reader = Reader::new(bytes);
    convert(&mut reader, MAXIMUM_DEPTH, out)?;
    if reader.is_at_end() {
        Ok(())
    } else {
        Err(EncodeError::new("more than one MessagePack value"))
    }
}

fn convert(reader: &mut Reader<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match next(reader)? {
        Token::Nil => out.extend_from_slice(b"null"),
        Token::Boolean(true) => out.extend_from_slice(b"true"),
        Token::Boolean(false) => out.extend_from_slice(b"false"),
        Token::Unsigned(value) => write_integer(out, value),
        Token::Signed(value) => write_integer(out, value),
        Token::Float32(value) => write_f32(out, value)?,
        Token::Float64(value) => write_f64(out, value)?,
        Token::String(bytes) => write_string(out, utf8(bytes)?),
        Token::Binary(bytes) => write_base64(out, bytes),
        Token::Extension(kind, bytes) => write_string(out, &timestamp(kind, bytes)?),
        Token::Array(length) => convert_array(reader, length, deeper(depth)?, out)?,
        Token::Map(pairs) => convert_map(reader, pairs, deeper(depth)?, out)?,
    }
    Ok(())
}

fn convert_array(
    reader: &mut Reader<'_>,
    length: usize,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.push(b'[');
    for index in 0..length {
        if index > 0 {
            out.push(b',');
        }
        convert(reader, depth, out)?;
    }
    out.push(b']');
    Ok(())
}

fn convert_map(
    reader: &mut Reader<'_>,
    pairs: usize,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.push(b'{');
    for index in 0..pairs {
        if index > 0 {
            out.push(b',');
        }
        convert_key(next(reader)?, out)?;
        out.push(b':');
        convert(reader, depth, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn convert_key(key: Token<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match key {
        Token::String(bytes) => write_string(out, utf8(bytes)?),
        Token::Binary(bytes) => write_base64(out, bytes),
        Token::Extension(kind, bytes) => write_string(out, &timestamp(kind, bytes)?),
        Token::Nil => out.extend_from_slice(b"\"null\""),
        Token::Boolean(value) => write_string(out, &value.to_string()),
        Token::Unsigned(value) => write_string(out, &value.to_string()),
        Token::Signed(value) => write_string(out, &value.to_string()),
        Token::Float32(_) | Token::Float64(_) | Token::Array(_) | Token::Map(_) => {
            return Err(EncodeError::new(
                "a MessagePack key of this type has no JSON",
            ));
        }
    }
    Ok(())
}

fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    write_string(out, &BASE64_STANDARD.encode(bytes));
}

fn timestamp(kind: i8, bytes: &[u8]) -> Result<String, EncodeError> {
    let timestamp = Timestamp::from_extension(kind, bytes);
    timestamp
        .and_then(Timestamp::to_iso)
        .ok_or(EncodeError::new("this MessagePack extension has no JSON"))
}

fn next<'a>(reader: &mut Reader<'a>) -> Result<Token<'a>, EncodeError> {
    reader
        .token()
        .ok_or(EncodeError::new("malformed MessagePack"))
}

fn deeper(depth: usize) -> Result<usize, EncodeError> {
    depth
        .checked_sub(1)
        .ok_or(EncodeError::new("MessagePack nested too deeply"))
}

fn utf8(bytes: &[u8]) -> Result<&str, EncodeError> {
    std::str::from_utf8(bytes).map_err(|_| EncodeError::new("a MessagePack string is not UTF-8"))
}
