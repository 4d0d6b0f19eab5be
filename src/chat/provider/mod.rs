//! Who answers: model providers behind one trait, and which of them knows which model.

mod builtin;
mod failure;
mod openai;
mod sse;

use std::sync::Arc;

use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub use failure::{Failure, Retry};
pub use openai::OpenAi;

use self::builtin::BuiltIn;
use super::config::{BUILTIN, ChatConfig, Limits};
use super::{FinishReason, TradingView};

/// Answers a prompt with a stream of chunks. Dropping the stream ends the upstream request.
pub trait Provider: Send + Sync {
    fn name(&self) -> &str;
    fn limits(&self) -> Limits;
    fn supports_tools(&self) -> bool;
    fn ask(&self, prompt: &Prompt) -> Chunks;
}

/// Ends after [`Chunk::Finished`], or with a failure.
pub type Chunks = BoxStream<'static, Result<Chunk, Failure>>;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// The provider took the request and will answer.
    Accepted,
    Text(String),
    Reasoning(String),
    /// The model is writing tool calls: a sign of life.
    ToolCallDelta,
    /// Nothing more is said; what stands in the other chunks may still take a moment.
    Complete,
    ToolCalls(Vec<ToolCall>),
    Usage {
        prompt_tokens: u64,
        completion_tokens: u64,
    },
    Finished(FinishReason),
}

/// What a model wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON, if the model got it right.
    pub arguments: String,
}

/// What a model is told.
#[derive(Clone)]
pub struct Prompt {
    pub model: String,
    pub messages: Vec<PromptMessage>,
    pub options: Options,
    /// The live state the user may read; `None` if they may not.
    pub trading: Option<Arc<dyn TradingView>>,
}

#[derive(Clone, Debug)]
pub enum PromptMessage {
    System(Arc<str>),
    User(Arc<str>),
    Assistant {
        content: Arc<str>,
        tool_calls: Vec<ToolCall>,
    },
    Tool {
        call_id: String,
        content: String,
    },
}

impl PromptMessage {
    /// In bytes, for estimating tokens.
    pub fn length(&self) -> usize {
        match self {
            Self::System(content) | Self::User(content) => content.len(),
            Self::Assistant {
                content,
                tool_calls,
            } => {
                let calls = tool_calls.iter().map(|call| call.arguments.len());
                content.len() + calls.sum::<usize>()
            }
            Self::Tool { content, .. } => content.len(),
        }
    }
}

/// What a request may ask for besides.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ChatOptions", optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Cancelling the stream cancels the run.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<bool>"))]
    pub cancel_run_with_stream: bool,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub max_tokens: Option<u32>,
}

/// A model as clients see it in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Model {
    pub id: String,
    pub provider: String,
    pub name: String,
    pub supports_tools: bool,
    pub default: bool,
}

/// All providers, in configuration order.
pub struct Providers {
    remote: Vec<(Arc<OpenAi>, Vec<String>)>,
    builtin: Arc<BuiltIn>,
    default_model: String,
}

impl Providers {
    pub fn new(config: &ChatConfig) -> Result<Self, InvalidProvider> {
        let remote = config.providers.iter().map(|provider| {
            let client = OpenAi::new(provider)?;
            Ok((Arc::new(client), provider.models.clone()))
        });
        Ok(Self {
            remote: remote.collect::<Result<_, _>>()?,
            builtin: Arc::new(BuiltIn::new(config.word_pause)),
            default_model: config.default_model().to_owned(),
        })
    }

    pub fn default_model(&self) -> &str {
        &self.default_model
    }

    /// Who can answer for a model, the preferred one first. Empty: nobody knows it.
    pub fn for_model(&self, model: &str) -> Vec<Arc<dyn Provider>> {
        let knows = |(_, models): &&(_, Vec<String>)| models.iter().any(|known| known == model);
        let mut found: Vec<Arc<dyn Provider>> = Vec::new();
        for (provider, _) in self.remote.iter().filter(knows) {
            found.push(provider.clone());
        }
        // Never a silent fallback: only who asks for it gets it.
        if found.is_empty() && model == BUILTIN {
            found.push(self.builtin.clone());
        }
        found
    }

    pub fn models(&self) -> Vec<Model> {
        let mut models: Vec<Model> = Vec::new();
        for (provider, ids) in &self.remote {
            for id in ids {
                if !models.iter().any(|known| known.id == *id) {
                    models.push(self.model(id, id, provider.as_ref()));
                }
            }
        }
        if !models.iter().any(|known| known.id == BUILTIN) {
            models.push(self.model(BUILTIN, "Built-in assistant", self.builtin.as_ref()));
        }
        models
    }

    fn model(&self, id: &str, name: &str, provider: &dyn Provider) -> Model {
        Model {
            id: id.to_owned(),
            provider: provider.name().to_owned(),
            name: name.to_owned(),
            supports_tools: provider.supports_tools(),
            default: id == self.default_model,
        }
    }
}

/// A provider's settings cannot work. Names the setting, never its value.
#[derive(Debug, thiserror::Error)]
#[error("provider {provider}: {reason}")]
pub struct InvalidProvider {
    pub provider: String,
    pub reason: String,
}
