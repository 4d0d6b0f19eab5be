//! What a user's runs used, summed up.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;

use super::Timestamp;
use super::store::UsageRecord;
use crate::problem::Problem;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    pub from: Timestamp,
    pub to: Timestamp,
    pub totals: Totals,
    pub by_model: Vec<ByModel>,
    pub by_day: Vec<ByDay>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub runs: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ByModel {
    pub model: String,
    #[serde(flatten)]
    pub totals: Totals,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ByDay {
    /// `2026-01-31`, in UTC.
    pub day: String,
    #[serde(flatten)]
    pub totals: Totals,
}

impl Totals {
    fn add(&mut self, record: &UsageRecord) {
        self.prompt_tokens += record.prompt_tokens;
        self.completion_tokens += record.completion_tokens;
        self.runs += 1;
    }
}

impl UsageReport {
    pub fn new(from: Timestamp, to: Timestamp, records: &[UsageRecord]) -> Self {
        let mut totals = Totals::default();
        let mut by_model: BTreeMap<&str, Totals> = BTreeMap::new();
        let mut by_day: BTreeMap<NaiveDate, Totals> = BTreeMap::new();
        for record in records {
            totals.add(record);
            by_model.entry(&record.model).or_default().add(record);
            by_day
                .entry(record.at.0.date_naive())
                .or_default()
                .add(record);
        }
        Self {
            from,
            to,
            totals,
            by_model: by_model
                .into_iter()
                .map(|(model, totals)| ByModel {
                    model: model.to_owned(),
                    totals,
                })
                .collect(),
            by_day: by_day
                .into_iter()
                .map(|(day, totals)| ByDay {
                    day: day.to_string(),
                    totals,
                })
                .collect(),
        }
    }
}

/// A span of time from what a client wrote: moments, or whole days of which the last one counts.
/// Without `to` until now, without `from` the thirty days before.
pub fn span(from: Option<&str>, to: Option<&str>) -> Result<(Timestamp, Timestamp), Problem> {
    let to = match to {
        Some(text) => moment(text, 1)?,
        None => Utc::now(),
    };
    let from = match from {
        Some(text) => moment(text, 0)?,
        None => to - Days::new(30),
    };
    if from > to {
        return Err(Problem::invalid("from is later than to"));
    }
    Ok((Timestamp(from), Timestamp(to)))
}

fn moment(text: &str, days_after_date: u64) -> Result<DateTime<Utc>, Problem> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.with_timezone(&Utc));
    }
    let day = text.parse::<NaiveDate>().ok();
    day.and_then(|day| day.checked_add_days(Days::new(days_after_date)))
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|midnight| midnight.and_utc())
        .ok_or_else(|| Problem::invalid("from and to are RFC 3339 times or dates"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_the_last_one_counts() {
        let (from, to) = span(Some("2026-01-01"), Some("2026-01-01")).expect("a day");
        assert_eq!((to.0 - from.0).num_hours(), 24);
        assert!(span(Some("2026-01-02T00:00:00Z"), Some("2026-01-01T00:00:00Z")).is_err());
        assert!(span(Some("yesterday"), None).is_err());
    }
}
