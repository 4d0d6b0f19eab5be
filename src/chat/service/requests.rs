//! What clients ask for, and what of it is refused at once.

use std::hash::Hash;
use std::sync::Arc;

use serde::Deserialize;

use crate::chat::{ClientMessageId, ConversationId, MessageId, Options};
use crate::problem::Problem;

/// The longest message, in characters.
const LONGEST_CONTENT: usize = 200_000;
/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;
const LARGEST_LIMIT: usize = 200;

/// `SendMessage` and `StreamMessage`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    pub conversation_id: Option<ConversationId>,
    pub content: String,
    #[serde(flatten)]
    pub how: How,
}

/// `Regenerate` (without `content`) and `EditMessage`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    pub conversation_id: ConversationId,
    pub message_id: MessageId,
    pub content: Option<String>,
    #[serde(flatten)]
    pub how: How,
}

/// How an answer is to be made.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct How {
    pub model: Option<String>,
    pub client_message_id: Option<ClientMessageId>,
    pub options: Option<Options>,
}

impl How {
    /// The client's name for the request, with what it asked for.
    pub(super) fn key(&self, asked: &impl Hash) -> Option<(ClientMessageId, u64)> {
        // Fixed keys: the same request has the same fingerprint on every instance.
        let hash = ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(asked);
        Some((self.client_message_id.clone()?, hash))
    }
}

pub(super) fn checked_content(content: String) -> Result<Arc<str>, Problem> {
    if content.trim().is_empty() {
        return Err(Problem::invalid("content is empty"));
    }
    if content.len() > LONGEST_CONTENT && content.chars().count() > LONGEST_CONTENT {
        return Err(Problem::invalid("content has more than 200,000 characters"));
    }
    Ok(content.into())
}

pub(super) fn checked_title(title: &str) -> Result<&str, Problem> {
    let title = title.trim();
    if title.is_empty() || title.chars().count() > LONGEST_TITLE {
        return Err(Problem::invalid("a title has 1 to 200 characters"));
    }
    Ok(title)
}

pub(super) fn check_options(options: &Options) -> Result<(), Problem> {
    let within = |value: Option<f64>, most: f64| value.is_none_or(|it| (0.0..=most).contains(&it));
    if !within(options.temperature, 2.0) {
        return Err(Problem::invalid("options.temperature is between 0 and 2"));
    }
    if !within(options.top_p, 1.0) {
        return Err(Problem::invalid("options.topP is between 0 and 1"));
    }
    if options.max_tokens == Some(0) {
        return Err(Problem::invalid("options.maxTokens is at least 1"));
    }
    Ok(())
}

pub(super) fn limit_of(limit: Option<i64>, default: usize) -> Result<usize, Problem> {
    match limit {
        None => Ok(default),
        Some(limit) if limit >= 1 => Ok(usize::try_from(limit)
            .unwrap_or(LARGEST_LIMIT)
            .min(LARGEST_LIMIT)),
        Some(_) => Err(Problem::invalid("limit is at least 1")),
    }
}
