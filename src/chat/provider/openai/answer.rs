//! The chunks of a `chat/completions` stream. Lenient where real endpoints differ, strict about
//! completeness: an answer without a `finish_reason` is not one.

use serde::Deserialize;
use serde_json::Value;

use crate::chat::FinishReason;
use crate::chat::provider::{Chunk, Failure, ToolCall};

/// An answer as far as it came.
#[derive(Default)]
pub struct Answer {
    tool_calls: Vec<ToolCall>,
    tool_bytes: usize,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    done: bool,
}

const MOST_TOOL_CALLS: usize = 64;
const MOST_TOOL_BYTES: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: Option<i64>,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    refusal: Option<String>,
    /// DeepSeek's and vLLM's name for it.
    #[serde(default)]
    reasoning_content: Option<String>,
    /// OpenRouter's and Groq's.
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCallDelta>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct ToolCallDelta {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Answer {
    /// Nothing more is to be read.
    pub fn is_done(&self) -> bool {
        self.done || (self.finish_reason.is_some() && self.usage.is_some())
    }

    /// The answer is complete, only its usage may still come.
    pub fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Takes one event's data.
    pub fn take(&mut self, data: &[u8]) -> Result<Vec<Chunk>, Failure> {
        let data = data.trim_ascii();
        if self.is_done() || data.is_empty() {
            return Ok(Vec::new());
        }
        if data == b"[DONE]" {
            self.done = true;
            return Ok(Vec::new());
        }
        let event: Event = match serde_json::from_slice(data) {
            Ok(event) => event,
            // After the end only usage was of interest.
            Err(_) if self.is_finished() => return Ok(Vec::new()),
            Err(_) => return Err(malformed()),
        };
        if let Some(error) = event.error.filter(|error| !error.is_null()) {
            return match self.is_finished() {
                true => Ok(Vec::new()),
                false => Err(Failure::from_stream(&error)),
            };
        }
        self.usage = event.usage.or(self.usage);
        let mut chunks = Vec::new();
        for choice in event.choices.unwrap_or_default() {
            if choice.index.unwrap_or(0) == 0 {
                self.take_choice(choice, &mut chunks)?;
            }
        }
        Ok(chunks)
    }

    /// The stream ended: what is left to say, or why it is not an answer.
    pub fn end(self) -> Result<Vec<Chunk>, Failure> {
        let Some(finish_reason) = self.finish_reason else {
            let message = "The model provider's answer ended before it was complete.";
            return Err(Failure::invalid(message));
        };
        let mut chunks = Vec::new();
        chunks.extend(self.usage.map(|usage| Chunk::Usage {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
        }));
        // Some say `stop` though they call tools.
        let calls = !self.tool_calls.is_empty()
            && matches!(finish_reason, FinishReason::Stop | FinishReason::ToolCalls);
        if calls {
            chunks.push(Chunk::ToolCalls(self.tool_calls));
            chunks.push(Chunk::Finished(FinishReason::ToolCalls));
        } else {
            chunks.push(Chunk::Finished(finish_reason));
        }
        Ok(chunks)
    }

    fn take_choice(&mut self, choice: Choice, chunks: &mut Vec<Chunk>) -> Result<(), Failure> {
        if let Some(delta) = choice.delta {
            let reasoning = delta.reasoning_content.or(delta.reasoning);
            chunks.extend(said(reasoning).map(Chunk::Reasoning));
            let text = delta.content.map(Content::text).or(delta.refusal);
            chunks.extend(said(text).map(Chunk::Text));
            for call in delta.tool_calls.unwrap_or_default() {
                self.take_tool_call(call)?;
                chunks.push(Chunk::ToolCallDelta);
            }
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            Some("error") => return Err(Failure::from_stream(&Value::Null)),
            Some(reason) => self.finish_reason = Some(finish_reason(reason)),
        }
        Ok(())
    }

    fn take_tool_call(&mut self, delta: ToolCallDelta) -> Result<(), Failure> {
        let index = self.tool_call_index(&delta);
        if index >= MOST_TOOL_CALLS {
            return Err(malformed());
        }
        while self.tool_calls.len() <= index {
            self.tool_calls.push(ToolCall {
                id: format!("call_{}", uuid::Uuid::new_v4().simple()),
                name: String::new(),
                arguments: String::new(),
            });
        }
        let call = &mut self.tool_calls[index];
        if let Some(id) = said(delta.id) {
            call.id = id;
        }
        if let Some(function) = delta.function {
            let (name, arguments) = (function.name, function.arguments);
            let (name, arguments) = (name.unwrap_or_default(), arguments.unwrap_or_default());
            self.tool_bytes += name.len() + arguments.len();
            call.name.push_str(&name);
            call.arguments.push_str(&arguments);
        }
        if self.tool_bytes > MOST_TOOL_BYTES {
            return Err(malformed());
        }
        Ok(())
    }

    /// Which call a piece belongs to. Without an index a new id begins a new call.
    fn tool_call_index(&self, delta: &ToolCallDelta) -> usize {
        let count = self.tool_calls.len();
        match (delta.index, &delta.id) {
            (Some(index), _) => index,
            (None, Some(id)) => {
                let known = self.tool_calls.iter().position(|call| call.id == *id);
                known.unwrap_or(count)
            }
            (None, None) => count.saturating_sub(1),
        }
    }
}

impl Content {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
        }
    }
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "length" | "max_tokens" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}

fn malformed() -> Failure {
    Failure::invalid("The model provider's answer cannot be read.")
}

#[cfg(test)]
mod tests;
