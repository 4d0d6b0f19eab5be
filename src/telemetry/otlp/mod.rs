//! Sends all numbers to an OpenTelemetry collector now and then (OTLP over HTTP, protobuf): the
//! ones of `/metrics`, where nobody scrapes.
//!
//! Counters are cumulative, so an export that fails loses nothing: the next one says more.
//! [`message`] makes the bytes, [`names`] has OpenTelemetry's names.

mod message;
mod names;

use std::{sync::Arc, time::Duration};

use prost::Message as _;
use reqwest::{
    Client,
    header::{
        CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderName, InvalidHeaderValue,
    },
};
use tokio::time::{Instant, sleep_until};

use self::message::{Source, export_request};
use super::metrics::Metrics;

/// Where metrics go, and who sends them.
pub struct Options {
    /// With its path.
    pub endpoint: String,
    /// Names and values; the values are secrets.
    pub headers: Vec<(String, String)>,
    pub interval: Duration,
    pub timeout: Duration,
    /// What describes this process.
    pub resource: Vec<(String, String)>,
}

/// Exports cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    #[error("a header's name cannot be sent")]
    Name(#[from] InvalidHeaderName),
    #[error("a header's value cannot be sent")]
    Value(#[from] InvalidHeaderValue),
    #[error("{0}")]
    Client(#[from] reqwest::Error),
}

/// Sends the numbers of a process.
pub struct Exporter {
    metrics: Arc<Metrics>,
    client: Client,
    endpoint: String,
    interval: Duration,
    source: Source,
    /// The reason that was logged last; `None` while all is well.
    failure: Option<String>,
}

impl Exporter {
    pub fn new(options: Options, metrics: Arc<Metrics>) -> Result<Self, OptionsError> {
        // Whoever composes the program does this first; a second time changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        for (name, value) in options.headers {
            let mut value = HeaderValue::from_str(&value)?;
            value.set_sensitive(true);
            headers.append(HeaderName::try_from(name)?, value);
        }
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(CONTENT_TYPE, protobuf);
        let client = Client::builder()
            .timeout(options.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(headers)
            .build()?;
        Ok(Self {
            metrics,
            client,
            endpoint: options.endpoint,
            interval: options.interval,
            source: Source::new(options.resource),
            failure: None,
        })
    }

    /// Exports at every interval for as long as it is polled.
    pub async fn run(&mut self) {
        loop {
            sleep_until(Instant::now() + self.interval).await;
            self.export().await;
        }
    }

    /// Exports once. What goes wrong is logged when it begins and when it is over.
    pub async fn export(&mut self) {
        let failure = self.send().await.err();
        match &failure {
            Some(reason) if self.failure.is_none() => {
                tracing::warn!(reason, "⚠️ Metrics cannot be sent to the OTLP endpoint");
            }
            None if self.failure.is_some() => tracing::info!("✅ Metrics are sent again"),
            _ => {}
        }
        self.failure = failure;
    }

    async fn send(&self) -> Result<(), String> {
        let request = export_request(&self.source, self.metrics.series().await);
        let sending = self.client.post(&self.endpoint);
        let answer = sending.body(request.encode_to_vec()).send().await;
        let answer = answer.map_err(|error| error.without_url().to_string())?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("it answers HTTP {status}")),
        }
    }
}
