//! `Llm:…`: the model providers of the AI chat.

use std::time::Duration;

use super::{Secret, Section};

#[derive(Clone, Debug, Default)]
pub struct LlmSettings {
    /// In the order of configuration, which is the order of fallbacks.
    pub providers: Vec<LlmProviderSettings>,
    pub default_model: Option<String>,
}

/// One OpenAI-compatible endpoint.
#[derive(Clone, Debug)]
pub struct LlmProviderSettings {
    pub name: String,
    /// What precedes `/chat/completions`, without a slash at the end.
    pub base_url: String,
    pub api_key: Option<Secret>,
    pub models: Vec<String>,
    /// Sent with every request. The values may be secrets.
    pub headers: Vec<(String, Secret)>,
    pub proxy: Option<Secret>,
    pub connect_timeout: Duration,
    pub first_token_timeout: Duration,
    pub silence_timeout: Duration,
    pub total_timeout: Duration,
    pub max_retries: u32,
}

impl LlmSettings {
    pub(super) fn read(root: &Section) -> Self {
        let section = root.section("Llm");
        Self {
            providers: section
                .sections("Providers")
                .into_iter()
                .filter_map(|(index, provider)| LlmProviderSettings::read(&index, &provider))
                .collect(),
            default_model: section.text("DefaultModel"),
        }
    }
}

impl LlmProviderSettings {
    fn read(index: &str, section: &Section) -> Option<Self> {
        let base_url = section.parse("BaseUrl", base_url);
        if section.source("BaseUrl").is_none() {
            section.fault("BaseUrl", "is missing");
        }
        let models = section.list("Models").unwrap_or_default();
        if models.is_empty() {
            section.fault("Models", "names no model");
        }
        let headers = section.map("Headers").into_iter();
        let timeout = |name, default| section.milliseconds(name).unwrap_or(default);
        Some(Self {
            name: section
                .text("Name")
                .unwrap_or_else(|| format!("provider {index}")),
            base_url: base_url?,
            api_key: section.secret("ApiKey"),
            models,
            headers: headers
                .map(|(name, value)| (name, Secret::new(value)))
                .collect(),
            proxy: section.secret("Proxy"),
            connect_timeout: timeout("ConnectTimeoutMs", Duration::from_secs(10)),
            first_token_timeout: timeout("FirstTokenTimeoutMs", Duration::from_secs(120)),
            silence_timeout: timeout("SilenceTimeoutMs", Duration::from_secs(60)),
            total_timeout: timeout("TotalTimeoutMs", Duration::from_secs(900)),
            max_retries: section.number("MaxRetries", 0..=2).unwrap_or(2),
        })
    }
}

fn base_url(text: &str) -> Result<String, String> {
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("expected an http:// or https:// address".to_owned())
    }
}
