//! Spells a value of unknown type as the reference does when it passes one on.
//!
//! The reference reads such a value into .NET objects and writes those. All readers see the same
//! value, but the bytes differ: headers and strings come out in their shortest form, an integer
//! on its own too, yet an integer inside an array or map keeps the width it came with, and one
//! that came without a width (`00`–`7f`, `e0`–`ff`) gets eight bits.

use super::{
    MAXIMUM_DEPTH,
    reader::{Reader, Token},
    writer,
};

/// Appends the value `bytes`. `None` if it is not exactly one well-formed value.
pub fn respell(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut reader = Reader::new(bytes);
    match reader.clone().token()? {
        Token::Unsigned(value) => writer::unsigned(out, value),
        Token::Signed(value) => writer::integer(out, value),
        _ => {
            inner(&mut reader, MAXIMUM_DEPTH, out)?;
            return reader.is_at_end().then_some(());
        }
    }
    reader.value()?;
    reader.is_at_end().then_some(())
}

fn inner(reader: &mut Reader<'_>, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    let before = reader.rest();
    let values = match reader.token()? {
        Token::Unsigned(_) if before[0] < 0x80 => {
            out.extend_from_slice(&[0xcc, before[0]]);
            0
        }
        Token::Signed(_) if before[0] >= 0xe0 => {
            out.extend_from_slice(&[0xd0, before[0]]);
            0
        }
        Token::String(bytes) => {
            writer::string_header(out, bytes.len());
            out.extend_from_slice(bytes);
            0
        }
        Token::Binary(bytes) => {
            writer::binary(out, bytes);
            0
        }
        Token::Array(length) => {
            writer::array(out, length);
            length
        }
        Token::Map(pairs) => {
            writer::map(out, pairs);
            2 * pairs
        }
        _ => {
            let used = before.len() - reader.rest().len();
            out.extend_from_slice(&before[..used]);
            0
        }
    };
    if values > 0 {
        let depth = depth.checked_sub(1)?;
        for _ in 0..values {
            inner(reader, depth, out)?;
        }
    }
    Some(())
}
