//! JSON numbers, spelled as the reference spells them.

use std::io::Write;

use crate::signalr::protocol::error::EncodeError;

/// Below this a double without fraction is exactly the integer it prints as.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends a double in its shortest form. NaN and infinity have no JSON.
pub fn write_number(out: &mut Vec<u8>, value: f64) -> Result<(), EncodeError> {
    if !value.is_finite() {
        return Err(EncodeError::new(
            ".NET number values such as positive and negative infinity cannot be written as valid JSON.",
        ));
    }
    if value.trunc() == value && value.abs() < EXACT {
        let sign = if value == 0.0 && value.is_sign_negative() {
            "-"
        } else {
            ""
        };
        let _ = write!(out, "{sign}{}", value as i64);
        return Ok(());
    }
    let _ = write!(out, "{value:e}");
    Ok(())
}
