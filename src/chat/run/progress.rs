//! What a run has said so far: the state beside its log, and how it is written down.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::chat::{FinishReason, RunError};
use crate::eventlog::{Event, Snapshot};

/// Changes together with the log.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    pub text: String,
    pub reasoning: String,
    pub finished: Option<FinishReason>,
    pub error: Option<RunError>,
    /// The number of the last event before the end, once there is an end.
    pub said: Option<u64>,
    /// Nothing is shown any more but the end.
    #[serde(skip)]
    pub(super) ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Cancelled,
    Natural,
}

/// What of an event's body matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    #[serde(borrow, default)]
    text: std::borrow::Cow<'a, str>,
    finish_reason: Option<FinishReason>,
}

impl Progress {
    /// Takes in an event that another instance wrote.
    pub fn take(&mut self, event: &Event) {
        match &*event.name {
            "run.error" => {
                self.error = serde_json::from_slice(&event.body).ok();
                self.said.get_or_insert(event.seq.saturating_sub(1));
            }
            "text.delta" | "reasoning.delta" | "run.finished" => self.take_said(event),
            _ => {}
        }
    }

    fn take_said(&mut self, event: &Event) {
        let Ok(said) = serde_json::from_slice::<Said>(&event.body) else {
            // Written by an instance of ours, so this cannot be; the text goes on without it.
            tracing::error!(name = %event.name, "an event of a run cannot be read");
            return;
        };
        match &*event.name {
            "text.delta" => self.text.push_str(&said.text),
            "reasoning.delta" => self.reasoning.push_str(&said.text),
            _ => {
                self.finished = said.finish_reason.or(Some(FinishReason::Stop));
                self.said.get_or_insert(event.seq.saturating_sub(1));
            }
        }
    }
}

impl Snapshot for Progress {
    fn snapshot(&self) -> Bytes {
        let json = serde_json::to_vec(self).expect("has string keys and finite numbers");
        json.into()
    }
}
