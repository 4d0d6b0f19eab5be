//! How chat is set up: providers, their limits, the default model.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The model that needs no network and no key.
pub const BUILTIN: &str = "builtin";

#[derive(Clone, Debug)]
pub struct ChatConfig {
    /// In order of preference: a later one that lists the same model is its fallback.
    pub providers: Vec<ProviderConfig>,
    /// For requests that name no model. Without it: the first model of the first provider.
    pub default_model: Option<String>,
    /// What every model of a provider is told first.
    pub system_prompt: String,
    /// How long the log of an ended run stays readable.
    pub log_retention: Duration,
    /// A silent run says what it is doing after this long.
    pub status_after: Duration,
    /// Later deltas may be joined for this long.
    pub join_deltas: Duration,
    /// How much the built-in assistant waits between words.
    pub word_pause: Duration,
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            default_model: None,
            system_prompt: "You are the assistant of managing-api, a server that manages trading \
                bots and backtests. Answer briefly and precisely. Use the tools to look up live \
                bots and backtests instead of guessing; never invent numbers."
                .to_owned(),
            log_retention: Duration::from_secs(15 * 60),
            status_after: Duration::from_secs(15),
            join_deltas: Duration::from_millis(40),
            word_pause: Duration::from_millis(15),
        }
    }
}

impl ChatConfig {
    /// The model for requests that name none.
    pub fn default_model(&self) -> &str {
        let first = || self.providers.iter().find_map(|p| p.models.first());
        self.default_model
            .as_ref()
            .filter(|model| !model.is_empty())
            .or_else(first)
            .map_or(BUILTIN, String::as_str)
    }
}

/// One OpenAI-compatible endpoint.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    pub name: String,
    /// What precedes `/chat/completions`.
    pub base_url: String,
    pub api_key: Option<ApiKey>,
    pub models: Vec<String>,
    /// Sent with every request. Values may be secrets: they do not print.
    pub headers: BTreeMap<String, ApiKey>,
    pub proxy: Option<ApiKey>,
    pub supports_tools: bool,
    pub limits: Limits,
}

impl ProviderConfig {
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            base_url: base_url.into(),
            api_key: None,
            models: Vec::new(),
            headers: BTreeMap::new(),
            proxy: None,
            supports_tools: true,
            limits: Limits::default(),
        }
    }
}

/// How long one request to a provider may take, and how often it is repeated before the first token.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connect: Duration,
    /// From the request to the first token.
    pub first_token: Duration,
    /// From one token to the next.
    pub silence: Duration,
    /// From the request to the end of the answer.
    pub total: Duration,
    pub max_retries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_token: Duration::from_secs(120),
            silence: Duration::from_secs(60),
            total: Duration::from_secs(900),
            max_retries: 2,
        }
    }
}

/// A secret: `Debug` shows that there is one and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, for the request and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
