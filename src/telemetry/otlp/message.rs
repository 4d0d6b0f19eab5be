//! Series as OTLP's messages.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};

use super::names;
use crate::telemetry::series::{Distribution, Kind, Labels, Series, Value};

/// Who exports, and since when it counts.
pub(super) struct Source {
    resource: Resource,
    start: u64,
}

impl Source {
    pub fn new(attributes: Vec<(String, String)>) -> Self {
        let version = (
            "service.version".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        );
        let attributes = attributes.into_iter().chain([version]);
        Self {
            resource: Resource {
                attributes: attributes
                    .map(|(name, value)| attribute(&name, value))
                    .collect(),
                ..Default::default()
            },
            start: now(),
        }
    }
}

/// All series as of now.
pub(super) fn export_request(
    source: &Source,
    series: &[Arc<Series>],
) -> ExportMetricsServiceRequest {
    let times = Times {
        start: source.start,
        now: now(),
    };
    let metrics = series.iter().map(|series| metric(series, times));
    let scope = InstrumentationScope {
        name: "managing-api".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Default::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(source.resource.clone()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: metrics.collect(),
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

/// In nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

fn metric(series: &Series, times: Times) -> Metric {
    let (name, unit) = names::of(series.name);
    let (mut numbers, mut distributions) = (Vec::new(), Vec::new());
    for (labels, value) in series.read() {
        match value {
            Value::Number(value) => numbers.push(number(labels, value, times)),
            Value::Distribution(values) => distributions.push(distribution(labels, &values, times)),
        }
    }
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match series.kind {
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: distributions,
            aggregation_temporality: cumulative,
        }),
        Kind::Gauge if !names::is_sum(name) => Data::Gauge(Gauge {
            data_points: numbers,
        }),
        kind => Data::Sum(Sum {
            data_points: numbers,
            aggregation_temporality: cumulative,
            is_monotonic: kind == Kind::Counter,
        }),
    };
    Metric {
        name: name.to_owned(),
        description: series.help.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Default::default()
    }
}

fn number(labels: Labels, value: u64, times: Times) -> NumberDataPoint {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        value: Some(number_data_point::Value::AsInt(value)),
        ..Default::default()
    }
}

fn distribution(labels: Labels, values: &Distribution, times: Times) -> HistogramDataPoint {
    let bounds = values.buckets.iter().map(|(bound, _)| *bound);
    HistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        count: values.count(),
        sum: Some(values.sum),
        bucket_counts: values.buckets.iter().map(|(_, count)| *count).collect(),
        // The last bucket has no bound here.
        explicit_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
        ..Default::default()
    }
}

fn attributes(labels: Labels) -> Vec<KeyValue> {
    let labels = labels.into_iter();
    labels
        .map(|(name, value)| attribute(names::attribute(name), value))
        .collect()
}

fn attribute(name: &str, value: String) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value)),
        }),
        ..Default::default()
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}
