//! Metrics whose labels are known only when they are read, and histograms.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// Names and values.
pub type Labels = Vec<(&'static str, String)>;

/// One metric with as many series as there are at a scrape.
pub struct Series<T> {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: Box<dyn Fn() -> Vec<(Labels, T)> + Send + Sync>,
}

/// Values that were counted by how large they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Upper bounds, ascending, each with how many are within it and in none before it; what is
    /// beyond all stands under infinity.
    pub buckets: Vec<(f64, u64)>,
    pub sum: f64,
}

impl<T> Series<T> {
    fn new(
        (name, help): (&'static str, &'static str),
        kind: MetricType,
        read: impl Fn() -> Vec<(Labels, T)> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            help,
            kind,
            read: Box::new(read),
        }
    }
}

impl Series<u64> {
    /// Numbers that go up and down.
    pub fn gauges(
        about: (&'static str, &'static str),
        read: impl Fn() -> Vec<(Labels, u64)> + Send + Sync + 'static,
    ) -> Self {
        Self::new(about, MetricType::Gauge, read)
    }

    /// Numbers that only grow; the name is written with `_total`.
    pub fn counters(
        about: (&'static str, &'static str),
        read: impl Fn() -> Vec<(Labels, u64)> + Send + Sync + 'static,
    ) -> Self {
        Self::new(about, MetricType::Counter, read)
    }
}

impl Series<Distribution> {
    pub fn histograms(
        about: (&'static str, &'static str),
        read: impl Fn() -> Vec<(Labels, Distribution)> + Send + Sync + 'static,
    ) -> Self {
        Self::new(about, MetricType::Histogram, read)
    }
}

impl<T> fmt::Debug for Series<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Series({})", self.name)
    }
}

impl Collector for Series<u64> {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for (labels, value) in (self.read)() {
            let series = metric.encode_family(&labels)?;
            match self.kind {
                MetricType::Gauge => ConstGauge::new(value).encode(series)?,
                _ => ConstCounter::new(value).encode(series)?,
            }
        }
        Ok(())
    }
}

impl Collector for Series<Distribution> {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for (labels, values) in (self.read)() {
            let count = values.buckets.iter().map(|(_, count)| count).sum();
            let mut series = metric.encode_family(&labels)?;
            series.encode_histogram::<NoLabelSet>(values.sum, count, &values.buckets, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    #[test]
    fn series_appear_when_there_is_something_to_tell() {
        let mut metrics = Metrics::default();
        let label = |value: &str| vec![("reason", value.to_owned())];
        metrics.collect(Series::counters(("ends", "Ended"), move || {
            vec![(label("left"), 2)]
        }));
        let buckets = vec![(0.5, 1), (1.0, 0), (f64::INFINITY, 2)];
        metrics.collect(Series::histograms(("lasted", "How long"), move || {
            let buckets = buckets.clone();
            vec![(
                vec![("status", "timeout".to_owned())],
                Distribution { buckets, sum: 9.0 },
            )]
        }));
        let text = metrics.text().expect("can be written");
        for line in [
            "ends_total{reason=\"left\"} 2",
            "# TYPE lasted histogram",
            "lasted_sum{status=\"timeout\"} 9.0",
            "lasted_count{status=\"timeout\"} 3",
            "lasted_bucket{le=\"0.5\",status=\"timeout\"} 1",
            "lasted_bucket{le=\"1.0\",status=\"timeout\"} 1",
            "lasted_bucket{le=\"+Inf\",status=\"timeout\"} 3",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
