//! What a conversation holds, in the shapes clients see.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ConversationId, MessageId, RunId};
use crate::problem::Code;

/// A moment as clients read it: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct Timestamp(pub DateTime<Utc>);

impl Timestamp {
    pub fn now() -> Self {
        Self(Utc::now())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Assistant,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
    Cancelled,
    Stalled,
    Interrupted,
    Error,
}

/// What went wrong with an answer, as a user may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct RunError {
    pub code: Code,
    pub message: String,
    pub retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// One message. Its text is shared: reading a page copies none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub message_id: MessageId,
    pub role: Role,
    #[serde(serialize_with = "text", deserialize_with = "shared")]
    pub content: Arc<str>,
    #[serde(
        default,
        skip_serializing_if = "is_empty",
        serialize_with = "text",
        deserialize_with = "shared"
    )]
    #[cfg_attr(test, ts(as = "Option<String>"))]
    pub reasoning: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The number of the run's last event, so that it can be told after its log is gone.
    #[serde(skip)]
    pub last_seq: u64,
}

impl Message {
    pub fn from_user(message_id: MessageId, content: Arc<str>, created_at: Timestamp) -> Self {
        Self {
            message_id,
            role: Role::User,
            content,
            reasoning: Arc::default(),
            model: None,
            created_at,
            finish_reason: None,
            error: None,
            run_id: None,
            last_seq: 0,
        }
    }

    /// As stores keep it.
    pub(super) fn to_stored(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Stored<'a> {
            #[serde(flatten)]
            message: &'a Message,
            #[serde(rename = "lastSeq")]
            last_seq: u64,
        }
        let stored = Stored {
            message: self,
            last_seq: self.last_seq,
        };
        serde_json::to_vec(&stored).expect("a message has string keys and finite numbers")
    }

    pub(super) fn from_stored(json: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(flatten)]
            message: Message,
            #[serde(default, rename = "lastSeq")]
            last_seq: u64,
        }
        let Stored { message, last_seq } = serde_json::from_slice(json)?;
        Ok(Self {
            last_seq,
            ..message
        })
    }
}

/// A conversation in a list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ConversationSummary {
    pub conversation_id: ConversationId,
    pub title: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub message_count: usize,
    pub active_run_id: Option<RunId>,
}

/// One page of a list, newest first.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// What a user said first becomes the title: its first line, cut at a word.
pub fn title_of(content: &str) -> String {
    const LONGEST: usize = 60;
    let line = content.lines().map(str::trim).find(|line| !line.is_empty());
    let words = line.unwrap_or("New conversation").split_whitespace();
    let line = words.collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() <= LONGEST {
        return line;
    }
    let cut: String = line.chars().take(LONGEST).collect();
    let cut = match cut.rsplit_once(' ') {
        Some((words, _)) if words.chars().count() >= LONGEST / 2 => words,
        _ => &cut,
    };
    format!("{}…", cut.trim_end())
}

#[allow(clippy::ptr_arg)]
fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Arc::from)
}

fn is_empty(text: &Arc<str>) -> bool {
    text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_cut_at_a_word() {
        for (content, title) in [
            ("Hello", "Hello"),
            ("\n\n  What is\ta   bot?\nTell me", "What is a bot?"),
            ("   \n", "New conversation"),
            (
                "Please explain to me in many words why my bots have lost so much money this week",
                "Please explain to me in many words why my bots have lost so…",
            ),
        ] {
            assert_eq!(title_of(content), title);
        }
        assert_eq!(title_of(&"ä".repeat(300)).chars().count(), 61);
    }

    #[test]
    fn times_have_milliseconds_and_a_z() {
        let json = serde_json::to_string(&Timestamp(DateTime::UNIX_EPOCH)).expect("a string");
        assert_eq!(json, "\"1970-01-01T00:00:00.000Z\"");
    }
}
