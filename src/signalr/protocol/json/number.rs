//! JSON numbers, spelled as the reference spells them: `1` for 1.0, `-0`, `1E+17`, `1E-05`.

use std::{fmt, io::Write};

use crate::signalr::protocol::error::EncodeError;

/// Up to here a double without a fraction is exactly the integer it prints as.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// More digits than this in front of the point, and the exponent is written out.
const DIGITS_F64: i32 = 17;
const DIGITS_F32: i32 = 9;

/// Appends a double in the fewest digits that read back as the same. NaN and infinity have no JSON.
pub fn write_f64(out: &mut Vec<u8>, value: f64) -> Result<(), EncodeError> {
    if value.abs() < EXACT && value.trunc() == value && !is_minus_zero(value) {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
        return Ok(());
    }
    write_float(
        out,
        value.is_finite(),
        format_args!("{value:e}"),
        DIGITS_F64,
    )
}

/// Appends a float in the fewest digits that read back as the same float.
pub fn write_f32(out: &mut Vec<u8>, value: f32) -> Result<(), EncodeError> {
    write_float(
        out,
        value.is_finite(),
        format_args!("{value:e}"),
        DIGITS_F32,
    )
}

/// Appends an integer.
pub fn write_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn is_minus_zero(value: f64) -> bool {
    value == 0.0 && value.is_sign_negative()
}

fn write_float(
    out: &mut Vec<u8>,
    finite: bool,
    scientific: fmt::Arguments<'_>,
    digits_in_front: i32,
) -> Result<(), EncodeError> {
    if !finite {
        return Err(EncodeError::new(
            "NaN and infinity cannot be written as JSON",
        ));
    }
    // Rust's shortest form, such as `-1.25e-7`: sign, digits, exponent; 25 bytes at most.
    let mut buffer = [0; 32];
    let mut rest = &mut buffer[..];
    rest.write_fmt(scientific)
        .expect("a float has at most 17 digits");
    let used = 32 - rest.len();
    let text = std::str::from_utf8(&buffer[..used]).expect("a float is ASCII");
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text), |text| ("-", text));
    let (mantissa, exponent) = text
        .split_once('e')
        .expect("scientific notation has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    let (first, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    out.extend_from_slice(sign.as_bytes());
    if exponent >= digits_in_front || exponent < -4 {
        write_scientific(out, first, fraction, exponent);
    } else {
        write_positional(out, first, fraction, exponent);
    }
    Ok(())
}

/// One digit in front of the point, at least two in the exponent.
fn write_scientific(out: &mut Vec<u8>, first: &str, fraction: &str, exponent: i32) {
    out.extend_from_slice(first.as_bytes());
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    out.extend_from_slice(if exponent < 0 { b"E-" } else { b"E+" });
    if exponent.abs() < 10 {
        out.push(b'0');
    }
    write_integer(out, exponent.abs());
}

fn write_positional(out: &mut Vec<u8>, first: &str, fraction: &str, exponent: i32) {
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend((1..-exponent).map(|_| b'0'));
        out.extend_from_slice(first.as_bytes());
        out.extend_from_slice(fraction.as_bytes());
        return;
    }
    let whole = exponent as usize;
    out.extend_from_slice(first.as_bytes());
    if fraction.len() <= whole {
        out.extend_from_slice(fraction.as_bytes());
        out.extend((fraction.len()..whole).map(|_| b'0'));
    } else {
        out.extend_from_slice(&fraction.as_bytes()[..whole]);
        out.push(b'.');
        out.extend_from_slice(&fraction.as_bytes()[whole..]);
    }
}
