//! The server behind its public address, as a client asks it; for `doctor` and `bench`.

pub(super) mod websocket;

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// What any single answer may take.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Target {
    base: String,
    token: Option<String>,
    client: Client,
}

impl Target {
    pub fn new(url: &str, token: Option<String>) -> Result<Self, String> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!("`{url}` is not an http or https address"));
        }
        // No kept connections: each request may go to another instance, as those of many clients do.
        let client = Client::builder()
            .pool_max_idle_per_host(0)
            .connect_timeout(LIMIT)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            base: url.trim_end_matches('/').to_owned(),
            token,
            client,
        })
    }

    /// A request with what says who asks.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path).timeout(LIMIT)
    }

    /// The path of a hub's requests with a connection token.
    pub fn hub(&self, token: &str) -> String {
        format!("/llmhub?user=doctor&id={token}")
    }

    /// The address of a WebSocket on that hub; it holds the bearer token.
    pub fn websocket(&self, connection_token: &str) -> String {
        let base = self.base.replacen("http", "ws", 1);
        let bearer = self
            .token
            .as_ref()
            .map(|token| format!("&access_token={token}"));
        format!(
            "{base}{}{}",
            self.hub(connection_token),
            bearer.unwrap_or_default()
        )
    }

    /// A connection token, or the status that came instead.
    pub async fn negotiate(&self) -> Result<String, String> {
        let path = "/llmhub/negotiate?user=doctor&negotiateVersion=1";
        let answer = self.request(Method::POST, path).timeout(LIMIT).send().await;
        let answer = answer.map_err(|error| describe(&error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("HTTP {status}"));
        }
        let body: Value = answer.json().await.map_err(|error| describe(&error))?;
        let token = body["connectionToken"].as_str();
        token
            .map(str::to_owned)
            .ok_or_else(|| "an answer without connectionToken".to_owned())
    }
}

/// What happened, without the address: it may hold a token.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(deeper) = source.source() {
        source = deeper;
    }
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    source.to_string()
}
