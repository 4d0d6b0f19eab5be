//! One metric: its name, what it means, and a way to read all its values at this moment.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// Names and values.
pub type Labels = Vec<(&'static str, String)>;

/// One metric with as many values as there are when it is read, told apart by their labels.
pub struct Series {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Kind,
    read: Box<dyn Fn() -> Vec<(Labels, Value)> + Send + Sync>,
}

/// How values of one metric relate to each other over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows; Prometheus's name is written with `_total`.
    Counter,
    Histogram,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(u64),
    Distribution(Distribution),
}

/// Values that were counted by how large they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Upper bounds, ascending, each with how many are within it and in none before it; what is
    /// beyond all stands under infinity.
    pub buckets: Vec<(f64, u64)>,
    pub sum: f64,
}

impl Series {
    /// Numbers that go up and down.
    pub fn gauges(
        about: (&'static str, &'static str),
        read: impl Fn() -> Vec<(Labels, u64)> + Send + Sync + 'static,
    ) -> Self {
        Self::new(about, Kind::Gauge, read, Value::Number)
    }

    /// Numbers that only grow.
    pub fn counters(
        about: (&'static str, &'static str),
        read: impl Fn() -> Vec<(Labels, u64)> + Send + Sync + 'static,
    ) -> Self {
        Self::new(about, Kind::Counter, read, Value::Number)
    }

    pub fn histograms(
        about: (&'static str, &'static str),
        read: impl Fn() -> Vec<(Labels, Distribution)> + Send + Sync + 'static,
    ) -> Self {
        Self::new(about, Kind::Histogram, read, Value::Distribution)
    }

    /// As of now.
    pub fn read(&self) -> Vec<(Labels, Value)> {
        (self.read)()
    }

    fn new<T: 'static>(
        (name, help): (&'static str, &'static str),
        kind: Kind,
        read: impl Fn() -> Vec<(Labels, T)> + Send + Sync + 'static,
        value: fn(T) -> Value,
    ) -> Self {
        let read = move || {
            let values = read().into_iter();
            values.map(|(labels, it)| (labels, value(it))).collect()
        };
        Self {
            name,
            help,
            kind,
            read: Box::new(read),
        }
    }

    fn encode_value(&self, value: &Value, mut metric: MetricEncoder<'_>) -> fmt::Result {
        match (self.kind, value) {
            (Kind::Gauge, Value::Number(number)) => ConstGauge::new(*number).encode(metric),
            (_, Value::Number(number)) => ConstCounter::new(*number).encode(metric),
            (_, Value::Distribution(values)) => {
                let (sum, count) = (values.sum, values.count());
                metric.encode_histogram::<NoLabelSet>(sum, count, &values.buckets, None)
            }
        }
    }
}

impl Distribution {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Series({})", self.name)
    }
}

impl Collector for Series {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let kind = match self.kind {
            Kind::Gauge => MetricType::Gauge,
            Kind::Counter => MetricType::Counter,
            Kind::Histogram => MetricType::Histogram,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        let values = self.read();
        if let [(labels, value)] = &values[..]
            && labels.is_empty()
        {
            return self.encode_value(value, metric);
        }
        for (labels, value) in &values {
            self.encode_value(value, metric.encode_family(labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    #[tokio::test]
    async fn series_appear_when_there_is_something_to_tell() {
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
        let text = metrics.text().await.expect("can be written");
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
