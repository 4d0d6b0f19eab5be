//! All numbers of the process, and their Prometheus text.
//!
//! Rooms own their numbers; here they are only read, at the moment of a scrape. A new number is
//! one line at the place where the rooms are put together.

use std::{fmt, sync::Arc};

use futures_util::future::{BoxFuture, join_all};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text::encode},
    metrics::info::Info,
    registry::Registry,
};

use super::{
    process,
    series::{Labels, Series},
};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Gather = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// All numbers of the process.
pub struct Metrics {
    registry: Registry,
    series: Vec<Arc<Series>>,
    gathered: Vec<Gather>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            series: Vec::new(),
            gathered: Vec::new(),
        };
        metrics.registry.register(
            "managing_api_build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        process::add_to(&mut metrics);
        metrics
    }
}

impl Metrics {
    /// A number that goes up and down. The same `name` may be added once only, with one reading
    /// per set of labels.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, readings: Vec<Reading>) {
        self.collect(Series::gauges((name, help), read_all(readings)));
    }

    /// A number that only grows; its name is written with `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str, readings: Vec<Reading>) {
        self.collect(Series::counters((name, help), read_all(readings)));
    }

    /// Numbers of which is known only when they are read which there are.
    pub fn collect(&mut self, series: Series) {
        let series = Arc::new(series);
        let shown = Shown(series.clone());
        self.registry.register_collector(Box::new(shown));
        self.series.push(series);
    }

    /// Runs before every reading, for numbers that other threads must be asked for. It must end
    /// soon by itself.
    pub fn gather(&mut self, gather: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        self.gathered.push(Box::new(gather));
    }

    /// The exposition text, read now.
    pub async fn text(&self) -> Result<String, fmt::Error> {
        self.gather_now().await;
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Every series, ready to be read.
    pub async fn series(&self) -> &[Arc<Series>] {
        self.gather_now().await;
        &self.series
    }

    async fn gather_now(&self) {
        join_all(self.gathered.iter().map(|gather| gather())).await;
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Metrics")
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}

/// One value of a metric: its labels and where the number comes from.
pub struct Reading {
    labels: Labels,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Reading {
    pub fn new(
        labels: &[(&'static str, &str)],
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).into()));
        Self {
            labels: labels.collect(),
            read: Box::new(read),
        }
    }
}

fn read_all(readings: Vec<Reading>) -> impl Fn() -> Vec<(Labels, u64)> + Send + Sync {
    move || {
        let readings = readings.iter();
        readings
            .map(|reading| (reading.labels.clone(), (reading.read)()))
            .collect()
    }
}

/// A series as the registry owns it.
#[derive(Debug)]
struct Shown(Arc<Series>);

impl Collector for Shown {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        self.0.encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn numbers_are_read_when_they_are_asked_for() {
        let value = Arc::new(AtomicU64::new(1));
        let mut metrics = Metrics::default();
        let reader = value.clone();
        let read = move || reader.load(Ordering::Relaxed);
        metrics.gauge(
            "signalr_connections",
            "Open",
            vec![
                Reading::new(&[("hub", "llmhub")], read),
                Reading::new(&[("hub", "bothub")], || 7),
            ],
        );
        metrics.counter("things", "Seen", vec![Reading::new(&[], || 3)]);
        value.store(42, Ordering::Relaxed);
        let text = metrics.text().await.expect("can be written");
        for line in [
            "# TYPE signalr_connections gauge",
            "signalr_connections{hub=\"llmhub\"} 42",
            "signalr_connections{hub=\"bothub\"} 7",
            "things_total 3",
            "managing_api_build_info{version=",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        let resident = text
            .lines()
            .find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        assert!(resident.is_some_and(|bytes| bytes.parse::<u64>().is_ok_and(|bytes| bytes > 0)));
    }

    #[tokio::test]
    async fn what_must_be_gathered_is_gathered_before_every_reading() {
        let value = Arc::new(AtomicU64::new(0));
        let mut metrics = Metrics::default();
        let gathered = value.clone();
        metrics.gather(move || {
            gathered.fetch_add(1, Ordering::Relaxed);
            std::future::ready(()).boxed()
        });
        let read = move || value.load(Ordering::Relaxed);
        metrics.gauge("waits", "Waits", vec![Reading::new(&[], read)]);
        for scrape in 1..3 {
            let text = metrics.text().await.expect("can be written");
            assert!(text.contains(&format!("waits {scrape}")), "{text}");
        }
    }
}
