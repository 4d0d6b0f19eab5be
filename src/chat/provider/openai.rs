//! Any endpoint that speaks OpenAI's `chat/completions` with streaming.

mod answer;
mod request;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_stream::try_stream;
use futures_util::StreamExt;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Proxy, Response, Url, redirect};
use tokio::time::{Instant, timeout_at};

use self::answer::Answer;
use super::sse::EventParser;
use super::{Chunk, Chunks, Failure, InvalidProvider, Prompt, Provider, Retry};
use crate::chat::config::{Limits, ProviderConfig};

/// One endpoint with its key, its limits and its connections.
pub struct OpenAi {
    name: String,
    client: Client,
    url: Url,
    limits: Limits,
    learned: Arc<Learned>,
}

/// What an endpoint turned out not to know. Asked for without from then on.
struct Learned {
    tools: AtomicBool,
    usage: AtomicBool,
}

/// How much of an error body is looked at.
const ERROR_BODY: usize = 16 * 1024;
/// How long the rest of a stream may take after the answer is complete: usage comes there.
const AFTER_FINISH: Duration = Duration::from_secs(1);

impl OpenAi {
    pub fn new(config: &ProviderConfig) -> Result<Self, InvalidProvider> {
        // Whoever composes the program does this first; a second time changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let invalid = |reason: &str| InvalidProvider {
            provider: config.name.clone(),
            reason: reason.to_owned(),
        };
        let url = format!("{}/chat/completions", config.base_url.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_| invalid("BaseUrl is not an absolute URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("BaseUrl is neither http nor https"));
        }
        let headers = headers(config).map_err(invalid)?;
        let mut client = Client::builder()
            .connect_timeout(config.limits.connect)
            .default_headers(headers)
            // A redirect would carry keys to another place.
            .redirect(redirect::Policy::none())
            .no_proxy();
        if let Some(proxy) = &config.proxy {
            let proxy = Proxy::all(proxy.reveal()).map_err(|_| invalid("Proxy is not a URL"))?;
            client = client.proxy(proxy);
        }
        Ok(Self {
            name: config.name.clone(),
            client: client
                .build()
                .map_err(|_| invalid("the HTTP client cannot be made"))?,
            url,
            limits: config.limits,
            learned: Arc::new(Learned {
                tools: AtomicBool::new(config.supports_tools),
                usage: AtomicBool::new(true),
            }),
        })
    }
}

impl Provider for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn supports_tools(&self) -> bool {
        self.learned.tools.load(Ordering::Relaxed)
    }

    fn ask(&self, prompt: &Prompt) -> Chunks {
        let with_tools = self.supports_tools() && prompt.trading.is_some();
        let with_usage = self.learned.usage.load(Ordering::Relaxed);
        let body = request::body(prompt, with_tools, with_usage);
        let request = self.client.post(self.url.clone()).body(body);
        let (name, learned) = (self.name.clone(), self.learned.clone());
        let chunks = try_stream! {
            let response = request.send().await.map_err(|error| unreachable(&name, &error))?;
            if !response.status().is_success() {
                Err(learned.refused(&name, response, with_tools, with_usage).await)?;
                return;
            }
            check_content_type(&response)?;
            yield Chunk::Accepted;

            let mut bytes = response.bytes_stream();
            let mut parser = EventParser::default();
            let mut answer = Answer::default();
            let mut events = Vec::new();
            let mut finish_by = None;
            while !answer.is_done() {
                let piece = match finish_by {
                    // Complete: a stream that stays open or breaks now changes nothing.
                    Some(limit) => match timeout_at(limit, bytes.next()).await {
                        Ok(Some(Ok(piece))) => Some(piece),
                        _ => None,
                    },
                    None => bytes.next().await.transpose().map_err(|error| broken(&name, &error))?,
                };
                let fed = match &piece {
                    Some(piece) => parser.feed(piece, &mut events),
                    None => std::mem::take(&mut parser).finish(&mut events),
                };
                fed.map_err(|_| Failure::invalid("The model provider sent too large an event."))?;
                for event in events.drain(..) {
                    for chunk in answer.take(&event)? {
                        yield chunk;
                    }
                }
                if piece.is_none() {
                    break;
                }
                if answer.is_finished() && finish_by.is_none() {
                    finish_by = Some(Instant::now() + AFTER_FINISH);
                    yield Chunk::Complete;
                }
            }
            for chunk in answer.end()? {
                yield chunk;
            }
        };
        chunks.boxed()
    }
}

impl Learned {
    /// What an error answer means. Remembers what the endpoint does not know.
    async fn refused(
        &self,
        name: &str,
        response: Response,
        with_tools: bool,
        with_usage: bool,
    ) -> Failure {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = error_body(response).await;
        let mut failure = Failure::from_status(status, retry_after, &body);
        // The body itself is not logged: it could repeat a key.
        tracing::warn!(provider = name, status, code = %failure.code, "a model provider refused a request");
        if failure.retry == Retry::Plainer {
            let said = String::from_utf8_lossy(&body).to_lowercase();
            if with_usage && said.contains("stream_options") {
                self.usage.store(false, Ordering::Relaxed);
            } else if with_tools {
                self.tools.store(false, Ordering::Relaxed);
            } else {
                failure.retry = Retry::Elsewhere;
            }
        }
        failure
    }
}

fn headers(config: &ProviderConfig) -> Result<HeaderMap, &'static str> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    if let Some(key) = &config.api_key {
        let bearer = format!("Bearer {}", key.reveal());
        let mut value = HeaderValue::from_str(&bearer).map_err(|_| "ApiKey cannot be sent")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in &config.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "Headers: a wrong name")?;
        let value = HeaderValue::from_str(value.reveal());
        let mut value = value.map_err(|_| "Headers: a value cannot be sent")?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn check_content_type(response: &Response) -> Result<(), Failure> {
    let Some(content_type) = response.headers().get(CONTENT_TYPE) else {
        return Ok(());
    };
    let content_type = content_type.to_str().unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("text/event-stream") {
        return Ok(());
    }
    let failure = Failure::invalid("The model provider did not answer with a stream.");
    Err(Failure {
        retry: Retry::Elsewhere,
        ..failure
    })
}

/// The time a provider asks for: milliseconds, seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|value| value.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    let value = text("retry-after")?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    let wait = date.with_timezone(&chrono::Utc) - chrono::Utc::now();
    Some(wait.to_std().unwrap_or_default())
}

async fn error_body(response: Response) -> Vec<u8> {
    let mut bytes = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(Ok(piece)) = bytes.next().await {
        let room = ERROR_BODY - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if body.len() == ERROR_BODY {
            break;
        }
    }
    body
}

fn unreachable(name: &str, error: &reqwest::Error) -> Failure {
    // Without the URL, which may hold a key; the cause says DNS, TLS or refused.
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(provider = name, cause, "a model provider cannot be reached");
    Failure::unreachable()
}

fn broken(name: &str, error: &reqwest::Error) -> Failure {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(provider = name, cause, "a model provider's stream broke");
    Failure::invalid("The model provider's answer broke off.")
}
