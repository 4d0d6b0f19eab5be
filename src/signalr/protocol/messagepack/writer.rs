//! Appends MessagePack scalars and headers in their shortest form.

/// What a `Vec` never does.
const INFALLIBLE: &str = "writing to a vector cannot fail";

/// Appends nil.
pub fn nil(out: &mut Vec<u8>) {
    rmp::encode::write_nil(out).expect(INFALLIBLE);
}

/// Appends a boolean.
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    rmp::encode::write_bool(out, value).expect(INFALLIBLE);
}

/// Appends an integer.
pub fn integer(out: &mut Vec<u8>, value: i64) {
    rmp::encode::write_sint(out, value).expect(INFALLIBLE);
}

/// Appends an integer beyond the range of [`integer`] too.
pub fn unsigned(out: &mut Vec<u8>, value: u64) {
    rmp::encode::write_uint(out, value).expect(INFALLIBLE);
}

/// Appends a 64-bit float.
pub fn float64(out: &mut Vec<u8>, value: f64) {
    rmp::encode::write_f64(out, value).expect(INFALLIBLE);
}

/// Appends a string.
pub fn string(out: &mut Vec<u8>, value: &str) {
    rmp::encode::write_str(out, value).expect(INFALLIBLE);
}

/// Appends the header of a string; its bytes must follow.
pub fn string_header(out: &mut Vec<u8>, length: usize) {
    rmp::encode::write_str_len(out, length as u32).expect(INFALLIBLE);
}

/// Appends bytes.
pub fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    rmp::encode::write_bin(out, bytes).expect(INFALLIBLE);
}

/// Appends the header of an array; its elements must follow.
pub fn array(out: &mut Vec<u8>, length: usize) {
    rmp::encode::write_array_len(out, length as u32).expect(INFALLIBLE);
}

/// Appends the header of a map; its keys and values must follow.
pub fn map(out: &mut Vec<u8>, pairs: usize) {
    rmp::encode::write_map_len(out, pairs as u32).expect(INFALLIBLE);
}
