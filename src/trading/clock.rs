//! Time as this room sees it: what the wall says, and a tick that never goes back.
//!
//! Deadlines (staleness, lost workers, the pace of events) count ticks, so a corrected wall clock
//! does not make ten thousand bots stale at once. Events carry wall time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time in UTC with milliseconds, RFC 3339 on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads RFC 3339 with any offset.
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self(time.timestamp_millis()))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = DateTime::<Utc>::from_timestamp_millis(self.0).unwrap_or_default();
        formatter.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format_args!("`{text}` is not an RFC 3339 time")))
    }
}

/// One reading of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub wall: Timestamp,
    /// Milliseconds since the clock was made.
    pub tick: u64,
}

/// Where moments come from. Cheap to clone; clones of a manual clock move together.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(Instant),
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands at the Unix epoch until [`Clock::advance`] moves it.
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::default()))
    }

    pub fn now(&self) -> Moment {
        match &self.0 {
            Source::System(start) => Moment {
                wall: Timestamp(Utc::now().timestamp_millis()),
                tick: start.elapsed().as_millis() as u64,
            },
            Source::Manual(milliseconds) => {
                let milliseconds = milliseconds.load(Ordering::Relaxed);
                Moment {
                    wall: Timestamp(milliseconds),
                    tick: milliseconds as u64,
                }
            }
        }
    }

    /// Moves a manual clock; a system clock moves by itself.
    pub fn advance(&self, milliseconds: u32) {
        if let Source::Manual(now) = &self.0 {
            now.fetch_add(i64::from(milliseconds), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_milliseconds_whatever_their_offset_was() {
        let time = Timestamp::parse("2026-01-02T03:04:05.6+01:00").expect("is RFC 3339");
        assert_eq!(time.to_string(), "2026-01-02T02:04:05.600Z");
        assert!(Timestamp::parse("yesterday").is_none());
    }
}
