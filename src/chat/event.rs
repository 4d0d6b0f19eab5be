//! `ChatEvent`: what viewers of a run are told.

use serde::Serialize;
use serde_json::Value;

use super::{ConversationId, FinishReason, MessageId, RunError, RunId, Timestamp};

/// One event of a run with everything a client needs to put it in its place.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ChatEvent<'a> {
    pub conversation_id: &'a ConversationId,
    pub run_id: &'a RunId,
    pub message_id: &'a MessageId,
    pub seq: u64,
    pub ts: Timestamp,
    #[serde(flatten)]
    pub body: Body<'a>,
}

impl ChatEvent<'_> {
    pub fn to_json(&self) -> Vec<u8> {
        // As large as it will be: events are kept as they are made.
        let mut json = Vec::with_capacity(ENVELOPE + self.body.text_length());
        serde_json::to_writer(&mut json, self)
            .expect("an event has string keys and finite numbers");
        json
    }
}

/// What happened.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ChatEventBody"))]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Body<'a> {
    #[serde(rename = "run.started")]
    RunStarted { model: &'a str },
    #[serde(rename = "text.delta")]
    TextDelta { text: &'a str },
    #[serde(rename = "reasoning.delta")]
    ReasoningDelta { text: &'a str },
    #[serde(rename = "tool.call")]
    ToolCall {
        call_id: &'a str,
        name: &'a str,
        /// An object, or the model's own string if that was not a JSON object.
        arguments: &'a Value,
    },
    #[serde(rename = "tool.result")]
    ToolResult {
        call_id: &'a str,
        ok: bool,
        content: &'a str,
    },
    #[serde(rename = "status")]
    Status {
        phase: Phase,
        attempt: u32,
        provider: &'a str,
    },
    #[serde(rename = "usage")]
    Usage {
        prompt_tokens: u64,
        completion_tokens: u64,
        estimated: bool,
    },
    #[serde(rename = "snapshot")]
    Snapshot {
        text: &'a str,
        reasoning: &'a str,
        last_seq: u64,
    },
    #[serde(rename = "run.error")]
    RunError {
        #[serde(flatten)]
        error: &'a RunError,
    },
    #[serde(rename = "run.finished")]
    RunFinished { finish_reason: FinishReason },
}

/// What an event needs besides its text: three ids, a time, names.
const ENVELOPE: usize = 256;

impl Body<'_> {
    /// In bytes, as far as it is long.
    fn text_length(&self) -> usize {
        match self {
            Self::TextDelta { text } | Self::ReasoningDelta { text } => text.len(),
            Self::ToolResult { content, .. } => content.len(),
            Self::Snapshot {
                text, reasoning, ..
            } => text.len() + reasoning.len(),
            _ => 0,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run.started",
            Self::TextDelta { .. } => "text.delta",
            Self::ReasoningDelta { .. } => "reasoning.delta",
            Self::ToolCall { .. } => "tool.call",
            Self::ToolResult { .. } => "tool.result",
            Self::Status { .. } => "status",
            Self::Usage { .. } => "usage",
            Self::Snapshot { .. } => "snapshot",
            Self::RunError { .. } => "run.error",
            Self::RunFinished { .. } => "run.finished",
        }
    }
}

/// What a run is doing while it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Connecting,
    Waiting,
    Retrying,
    Fallback,
    Thinking,
    Tool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;

    #[test]
    fn an_event_is_one_flat_object() {
        let error = RunError {
            code: Code::UpstreamRateLimited,
            message: "slow down".into(),
            retryable: true,
            retry_after_ms: Some(1500),
        };
        let ids = (
            ConversationId::from("c"),
            RunId::from("r"),
            MessageId::from("m"),
        );
        let event = ChatEvent {
            conversation_id: &ids.0,
            run_id: &ids.1,
            message_id: &ids.2,
            seq: 7,
            ts: Timestamp(chrono::DateTime::UNIX_EPOCH),
            body: Body::RunError { error: &error },
        };
        let value: Value = serde_json::from_slice(&event.to_json()).expect("JSON");
        assert_eq!(
            value,
            serde_json::json!({
                "conversationId": "c", "runId": "r", "messageId": "m", "seq": 7,
                "ts": "1970-01-01T00:00:00.000Z", "type": "run.error",
                "code": "upstream_rate_limited", "message": "slow down",
                "retryable": true, "retryAfterMs": 1500,
            })
        );
    }
}
