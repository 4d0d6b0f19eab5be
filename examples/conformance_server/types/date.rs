//! `date`: ISO 8601 in JSON, the timestamp extension in MessagePack; steps of 100 ns.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_bytes::{ByteBuf, Bytes};

/// MessagePack's extension type for time stamps.
const TIMESTAMP: i8 = -1;
/// The name by which `rmp-serde` knows extensions.
const EXTENSION: &str = "_ExtStruct";

/// A moment, or a local time that nobody says where.
pub struct Date {
    time: NaiveDateTime,
    utc: bool,
}

impl Date {
    /// `2024-02-03`, or with `T04:05`, `T04:05:06`, up to seven digits of a second, and `Z`.
    fn from_iso(text: &str) -> Option<Self> {
        let (text, utc) = match text.strip_suffix('Z') {
            Some(rest) if rest.contains('T') => (rest, true),
            _ => (text, false),
        };
        let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
        let fraction = time.split_once('.').map_or("0", |(_, digits)| digits);
        let well_formed = date.len() == 10 && matches!(time.len(), 5 | 8 | 10..);
        if !well_formed || !(1..=7).contains(&fraction.len()) {
            return None;
        }
        let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
        let time = ["%H:%M:%S%.f", "%H:%M"]
            .iter()
            .find_map(|format| NaiveTime::parse_from_str(time, format).ok())?;
        (time.nanosecond() < 1_000_000_000).then_some(Self {
            time: date.and_time(time),
            utc,
        })
    }

    fn to_iso(&self) -> String {
        let mut text = self.time.format("%Y-%m-%dT%H:%M:%S%.9f").to_string();
        let trimmed = text.trim_end_matches('0').trim_end_matches('.').len();
        text.truncate(trimmed);
        if self.utc {
            text.push('Z');
        }
        text
    }

    fn from_timestamp(bytes: &[u8]) -> Option<Self> {
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
        let time = DateTime::from_timestamp(seconds, nanoseconds / 100 * 100)?.naive_utc();
        Some(Self { time, utc: true })
    }

    fn to_timestamp(&self) -> Vec<u8> {
        let time = self.time.and_utc();
        let (seconds, nanoseconds) = (time.timestamp(), time.timestamp_subsec_nanos());
        match u64::try_from(seconds) {
            Ok(seconds) if nanoseconds == 0 && seconds >> 32 == 0 => {
                (seconds as u32).to_be_bytes().to_vec()
            }
            Ok(seconds) if seconds >> 34 == 0 => (u64::from(nanoseconds) << 34 | seconds)
                .to_be_bytes()
                .to_vec(),
            _ => [&nanoseconds.to_be_bytes()[..], &seconds.to_be_bytes()].concat(),
        }
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&self.to_iso());
        }
        let bytes = self.to_timestamp();
        serializer.serialize_newtype_struct(EXTENSION, &(TIMESTAMP, Bytes::new(&bytes)))
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            return Self::from_iso(&text).ok_or_else(|| D::Error::custom("not a date"));
        }
        let Extension((kind, bytes)) = Extension::deserialize(deserializer)?;
        let date = (kind == TIMESTAMP).then(|| Self::from_timestamp(&bytes));
        date.flatten()
            .ok_or_else(|| D::Error::custom("not a time stamp"))
    }
}

#[derive(Deserialize)]
#[serde(rename = "_ExtStruct")]
struct Extension((i8, ByteBuf));

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[test]
    fn json_keeps_the_fraction_and_the_z() {
        let cases = [
            ("2024-02-03T04:05:06Z", "2024-02-03T04:05:06Z"),
            ("2024-02-03T04:05:06.7890000Z", "2024-02-03T04:05:06.789Z"),
            (
                "2024-02-03T04:05:06.1234567Z",
                "2024-02-03T04:05:06.1234567Z",
            ),
            ("2024-02-03T04:05:06", "2024-02-03T04:05:06"),
            ("2024-02-03T04:05:10", "2024-02-03T04:05:10"),
            ("2024-02-03", "2024-02-03T00:00:00"),
            ("2024-02-03T04:05Z", "2024-02-03T04:05:00Z"),
            ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
        ];
        for (given, written) in cases {
            let (given, written) = (format!("\"{given}\""), format!("\"{written}\""));
            assert_eq!(json::<Date>(&given), Some(written), "{given}");
        }
    }

    #[test]
    fn json_refuses_what_is_no_date() {
        for text in [
            "2024-02-30",
            "2024-2-3",
            "2024-02-03Z",
            "2024-02-03T04:05:06.12345678",
            "2024-02-03T04:05:06.",
            "2024-02-03T24:00:00",
            "2024-02-03T04:05:60",
            "2024-02-03 04:05:06",
            "today",
            "",
        ] {
            assert_eq!(json::<Date>(&format!("\"{text}\"")), None, "{text}");
        }
    }

    #[test]
    fn message_pack_is_the_shortest_timestamp() {
        let shortest: [&[u8]; 4] = [
            &[0xd6, 0xff, 0x65, 0xbd, 0xb8, 0xf2],
            &[0xd7, 0xff, 0xbc, 0x24, 0x45, 0x20, 0x65, 0xbd, 0xb8, 0xf2],
            &[
                0xc7, 12, 0xff, 0, 0, 0, 100, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
            ],
            &[0xd6, 0xff, 0, 0, 0, 0],
        ];
        for bytes in shortest {
            assert_eq!(message_pack::<Date>(bytes), Some(bytes.to_vec()));
        }
        let long = [0xd7, 0xff, 0, 0, 0, 0, 0x65, 0xbd, 0xb8, 0xf2];
        assert_eq!(message_pack::<Date>(&long), Some(shortest[0].to_vec()));
    }

    #[test]
    fn message_pack_refuses_other_extensions_and_values() {
        assert_eq!(message_pack::<Date>(&[0xd6, 5, 0, 0, 0, 0]), None);
        assert_eq!(message_pack::<Date>(&[5]), None);
        assert_eq!(message_pack::<Date>(&[0xc0]), None);
    }
}
