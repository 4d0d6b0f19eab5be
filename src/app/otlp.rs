//! Metrics for a collector, if the environment names one.

use std::sync::Arc;

use crate::{
    settings::OtlpSettings,
    telemetry::{
        metrics::Metrics,
        otlp::{Exporter, Options},
    },
};

/// Says what it does. What cannot be used is no reason not to start.
pub(super) fn exporter(settings: OtlpSettings, metrics: Arc<Metrics>) -> Option<Exporter> {
    let seconds = settings.interval.as_secs_f64();
    let expose =
        |(name, value): (String, crate::settings::Secret)| (name, value.expose().to_owned());
    let options = Options {
        endpoint: settings.endpoint,
        headers: settings.headers.into_iter().map(expose).collect(),
        interval: settings.interval,
        timeout: settings.timeout,
        resource: settings.resource,
    };
    match Exporter::new(options, metrics) {
        Ok(exporter) => {
            tracing::info!(seconds, "Metrics are sent to an OTLP endpoint");
            Some(exporter)
        }
        Err(error) => {
            tracing::warn!(%error, "⚠️ Metrics cannot be sent to the OTLP endpoint");
            None
        }
    }
}
