//! The timestamp extension, type −1: how MessagePack carries dates.

use chrono::{DateTime, Utc};

/// Seconds since 1970 and nanoseconds on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    /// The extension type.
    const TYPE: i8 = -1;

    /// Reads any of the three widths. `None` if it is another extension.
    pub fn from_extension(kind: i8, bytes: &[u8]) -> Option<Self> {
        if kind != Self::TYPE {
            return None;
        }
        let (seconds, nanoseconds) = match bytes.len() {
            4 => (u32::from_be_bytes(bytes.try_into().ok()?).into(), 0),
            8 => {
                let both = u64::from_be_bytes(bytes.try_into().ok()?);
                ((both & ((1 << 34) - 1)) as i64, (both >> 34) as u32)
            }
            12 => {
                let (nanoseconds, seconds) = bytes.split_at(4);
                let nanoseconds = u32::from_be_bytes(nanoseconds.try_into().ok()?);
                (i64::from_be_bytes(seconds.try_into().ok()?), nanoseconds)
            }
            _ => return None,
        };
        (nanoseconds < 1_000_000_000).then_some(Self {
            seconds,
            nanoseconds,
        })
    }

    /// As the reference writes a UTC date in JSON: steps of 100 ns, no trailing zeros, `Z`.
    /// `None` outside the years 1 to 9999.
    pub fn to_iso(self) -> Option<String> {
        let ticks = self.nanoseconds / 100;
        let date = DateTime::<Utc>::from_timestamp(self.seconds, ticks * 100)?;
        let text = date.format("%Y-%m-%dT%H:%M:%S").to_string();
        if text.len() != "0001-01-01T00:00:00".len() || text.starts_with("0000") {
            return None;
        }
        let fraction = format!(".{ticks:07}");
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        Some(format!("{text}{fraction}Z"))
    }
}
