//! Tokens used, told by the provider or estimated.

use super::Reply;
use crate::chat::provider::{Prompt, PromptMessage};
use crate::chat::store::UsageRecord;
use crate::chat::{Run, Timestamp};

/// Tokens used so far, over all rounds.
#[derive(Default)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub estimated: bool,
}

impl Usage {
    pub fn any(&self) -> bool {
        self.prompt_tokens + self.completion_tokens > 0
    }

    /// Adds what one request used, or an estimate if the provider did not say.
    pub(super) fn add(&mut self, prompt: &Prompt, reply: &Reply) {
        let (prompt_tokens, completion_tokens) = reply.usage.unwrap_or_else(|| {
            self.estimated = true;
            let told: usize = prompt.messages.iter().map(PromptMessage::length).sum();
            let called = reply.tool_calls.iter().map(|call| call.arguments.len());
            let said = reply.text.len() + reply.reasoning_bytes + called.sum::<usize>();
            (tokens(told), tokens(said))
        });
        self.prompt_tokens += prompt_tokens;
        self.completion_tokens += completion_tokens;
    }

    pub fn record(&self, run: &Run) -> UsageRecord {
        UsageRecord {
            at: Timestamp::now(),
            run: run.ids.run.clone(),
            model: run.model.clone(),
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
        }
    }
}

/// A usual token is about four bytes.
fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}
