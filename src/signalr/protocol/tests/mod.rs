//! Both encodings against the tables of the protocol reference, and against bytes nobody planned.

mod checks;
mod corpus;
mod framing;
mod handshake;
mod json_errors;
mod json_syntax;
mod messagepack_errors;
mod messages;
mod negotiate_checks;
mod numbers;
mod odd_messages;
mod payloads;
mod properties;
mod transcoding;
mod values;
mod writing;

use crate::signalr::{self, protocol};

/// Bytes from hexadecimal digits; blanks are for readers.
fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
