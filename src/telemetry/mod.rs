//! What operators see: structured logs here, numbers in [`metrics`], also for
//! a collector ([`otlp`]).
//!
//! Logs go to the standard output, as lines for people in Development and as JSON elsewhere.
//! Secrets and payloads are in neither. Query strings are never logged: they hold tokens.

pub mod metrics;
pub mod otlp;
mod process;
pub mod series;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, LoggingSettings};

/// Starts logging for the whole process. The variable `RUST_LOG` replaces the configured filter.
///
/// Does nothing when logging has started already, which happens in tests.
pub fn start(settings: &LoggingSettings) {
    let filter = std::env::var("RUST_LOG")
        .ok()
        .filter(|directives| !directives.is_empty())
        .unwrap_or_else(|| settings.filter.clone());
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
    let started = match settings.format {
        LogFormat::Text => registry
            .with(fmt::layer().with_ansi(std::io::stdout().is_terminal()))
            .try_init(),
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false),
            )
            .try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
