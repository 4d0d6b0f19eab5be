//! A worker's report, from the JSON it came as to checked events, and the receipt it gets.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::clock::Timestamp;
use super::idempotency::Fingerprint;
use super::subject::{Reported, Subject};
use crate::eventlog::Epoch;
use crate::problem::{Code, Problem};

/// The most events in one report.
pub const MAXIMUM_EVENTS: usize = 1_000;

/// What a report is answered with: one number per event, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Receipt {
    #[schema(value_type = String)]
    pub epoch: Epoch,
    pub seqs: Vec<u64>,
}

/// A report whose events are good by themselves. Nothing was changed yet.
pub struct Report<S: Subject> {
    pub events: Vec<Reported<S::Event>>,
    /// The idempotency key and what it stands for.
    pub key: Option<(String, Fingerprint)>,
}

impl<S: Subject> Report<S> {
    /// Reads a report; the first bad event refuses all of it.
    pub fn read(events: &[Value], key: Option<String>) -> Result<Self, Problem> {
        if events.len() > MAXIMUM_EVENTS {
            let message = format!("a report has at most {MAXIMUM_EVENTS} events");
            return Err(Problem::invalid(message));
        }
        let key = match key {
            Some(key) if !super::ids::is_valid(&key) => {
                let message = "an idempotency key has 1 to 128 characters";
                return Err(Problem::invalid(message));
            }
            Some(key) => Some((key, Fingerprint::of(events))),
            None => None,
        };
        let events = events
            .iter()
            .enumerate()
            .map(|(index, event)| {
                read_event::<S>(event).map_err(|reason| bad_event(index, &reason))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { events, key })
    }
}

/// Refuses a report because of one of its events.
pub fn bad_event(index: usize, reason: &str) -> Problem {
    Problem::new(Code::InvalidRequest, format!("events[{index}]: {reason}")).with("index", index)
}

fn read_event<S: Subject>(event: &Value) -> Result<Reported<S::Event>, String> {
    #[derive(Deserialize)]
    struct Head {
        ts: Option<Timestamp>,
    }
    if !event.is_object() {
        return Err("is not an object".to_owned());
    }
    let Head { ts } = Head::deserialize(event).map_err(|error| format!("`ts`: {error}"))?;
    let event = S::Event::deserialize(event).map_err(|error| error.to_string())?;
    S::check_event(&event)?;
    Ok(Reported { ts, event })
}
