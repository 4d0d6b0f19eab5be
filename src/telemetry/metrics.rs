//! Prometheus text from plain counters.
//!
//! Rooms own their numbers; here they are only read, at the moment of a scrape. A new number is
//! one line at the place where the rooms are put together.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text::encode},
    metrics::{counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::Registry,
};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All numbers of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
        };
        metrics.add_process();
        metrics
    }
}

impl Metrics {
    /// A number that goes up and down. `labels` are names and values; the same `name` may be
    /// added once only, with one reading per set of labels.
    pub fn gauge(&mut self, name: &str, help: &str, readings: Vec<Reading>) {
        self.add(name, help, Kind::Gauge, readings);
    }

    /// A number that only grows; its name is written with `_total`.
    pub fn counter(&mut self, name: &str, help: &str, readings: Vec<Reading>) {
        self.add(name, help, Kind::Counter, readings);
    }

    /// Numbers of which is known only at a scrape which there are.
    pub fn collect(&mut self, collector: impl Collector) {
        self.registry.register_collector(Box::new(collector));
    }

    /// The exposition text, read now.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn add(&mut self, name: &str, help: &str, kind: Kind, readings: Vec<Reading>) {
        let name = name.to_owned();
        let help = help.to_owned();
        self.registry.register_collector(Box::new(Numbers {
            name,
            help,
            kind,
            readings,
        }));
    }

    fn add_process(&mut self) {
        self.registry.register(
            "managing_api_build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let resident = Reading::new(&[], resident_bytes);
        self.gauge(
            "process_resident_memory_bytes",
            "Memory in use",
            vec![resident],
        );
        let files = Reading::new(&[], open_files);
        self.gauge("process_open_fds", "Open files", vec![files]);
        let most = Reading::new(&[], most_files);
        self.gauge("process_max_fds", "The limit on open files", vec![most]);
        let started = chrono::Utc::now().timestamp().unsigned_abs();
        let started = Reading::new(&[], move || started);
        self.gauge(
            "process_start_time_seconds",
            "Start of the process",
            vec![started],
        );
    }
}

/// One line of a metric: its labels and where the number comes from.
pub struct Reading {
    labels: Vec<(String, String)>,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Reading {
    pub fn new(labels: &[(&str, &str)], read: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            labels: labels.iter().map(owned).collect(),
            read: Box::new(read),
        }
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reading")
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Gauge,
    Counter,
}

#[derive(Debug)]
struct Numbers {
    name: String,
    help: String,
    kind: Kind,
    readings: Vec<Reading>,
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let kind = match self.kind {
            Kind::Gauge => ConstGauge::new(0u64).metric_type(),
            Kind::Counter => ConstCounter::new(0u64).metric_type(),
        };
        let mut metric = encoder.encode_descriptor(&self.name, &self.help, None, kind)?;
        if let [reading] = &self.readings[..]
            && reading.labels.is_empty()
        {
            return self.encode_value((reading.read)(), metric);
        }
        for reading in &self.readings {
            let value = (reading.read)();
            self.encode_value(value, metric.encode_family(&reading.labels)?)?;
        }
        Ok(())
    }
}

impl Numbers {
    fn encode_value(&self, value: u64, metric: MetricEncoder<'_>) -> fmt::Result {
        match self.kind {
            Kind::Gauge => ConstGauge::new(value).encode(metric),
            Kind::Counter => ConstCounter::new(value).encode(metric),
        }
    }
}

/// Zero where the system does not say.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

fn most_files() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.unwrap_or(u64::MAX)
}

fn open_files() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_when_they_are_asked_for() {
        let value = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1));
        let mut metrics = Metrics::default();
        let reader = value.clone();
        let read = move || reader.load(std::sync::atomic::Ordering::Relaxed);
        metrics.gauge(
            "signalr_connections",
            "Open",
            vec![
                Reading::new(&[("hub", "llmhub")], read),
                Reading::new(&[("hub", "bothub")], || 7),
            ],
        );
        metrics.counter("things", "Seen", vec![Reading::new(&[], || 3)]);
        value.store(42, std::sync::atomic::Ordering::Relaxed);
        let text = metrics.text().expect("can be written");
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
}
