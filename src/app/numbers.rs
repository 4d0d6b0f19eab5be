//! What `/metrics` shows: each room owns its numbers, here they get their names.
//!
//! Names in Prometheus's style; what ASP.NET Core measures has OpenTelemetry's name in Prometheus's
//! spelling, so that its dashboards fit: `signalr.server.connection.duration` is
//! `signalr_server_connection_duration_seconds`.

use std::sync::Arc;

use super::{about::About, hubs::Hubs, queues, redis::Redis};
use crate::{
    signalr::{
        connection::TransportKind,
        hub::HubContext,
        lifetime::{DURATION_BOUNDS, Durations, Numbers},
    },
    telemetry::{
        metrics::{Metrics, Reading},
        series::{Distribution, Labels, Series},
    },
};

const TRANSPORTS: [TransportKind; 3] = [
    TransportKind::WebSockets,
    TransportKind::ServerSentEvents,
    TransportKind::LongPolling,
];

type Contexts = Vec<(&'static str, HubContext)>;

pub(super) fn all(hubs: &Hubs, redis: Option<&Redis>, about: &Arc<About>) -> Metrics {
    let mut metrics = Metrics::default();
    connections(&mut metrics, &hubs.contexts);
    messages(&mut metrics, &hubs.contexts);
    queues::add_to(&mut metrics, about);
    let chat = hubs.chat.clone();
    let runs = Reading::new(&[], move || chat.active_count() as u64);
    metrics.gauge("chat_active_runs", "Answers being made here", vec![runs]);
    if let Some(redis) = redis {
        redis.add_to(&mut metrics);
    }
    hubs.backplanes.add_to(&mut metrics);
    metrics
}

fn connections(metrics: &mut Metrics, hubs: &Contexts) {
    let open = hubs.iter().map(|(name, context)| {
        let context = context.clone();
        Reading::new(&[("hub", name)], move || context.connection_count() as u64)
    });
    let open = open.collect();
    metrics.gauge("signalr_connections", "Open connections", open);
    let active = each(hubs, |hub, numbers| {
        let of = |kind: TransportKind| (labels(hub, kind.name(), None), numbers.active(kind));
        TRANSPORTS.map(of).to_vec()
    });
    metrics.collect(Series::gauges(
        (
            "signalr_server_active_connections",
            "Open connections by transport",
        ),
        active,
    ));
    let ended = each(hubs, |hub, numbers| {
        let ends = numbers.ends_by_reason().into_iter();
        ends.map(|(transport, reason, count)| {
            (labels(hub, transport, Some(("reason", reason))), count)
        })
        .collect()
    });
    metrics.collect(Series::counters(
        ("signalr_connections_closed", "Ended connections by reason"),
        ended,
    ));
    let lasted = each(hubs, |hub, numbers| {
        let durations = numbers.durations().into_iter();
        durations
            .map(|(transport, status, durations)| {
                let status = Some(("signalr_connection_status", status));
                (labels(hub, transport, status), distribution(&durations))
            })
            .collect()
    });
    metrics.collect(Series::histograms(
        (
            "signalr_server_connection_duration_seconds",
            "How long connections lasted",
        ),
        lasted,
    ));
}

fn messages(metrics: &mut Metrics, hubs: &Contexts) {
    let by_hub = |read: fn(&Numbers) -> u64| {
        each(hubs, move |hub, numbers| {
            vec![(vec![("hub", hub.to_owned())], read(numbers))]
        })
    };
    metrics.collect(Series::counters(
        ("signalr_invocations", "Hub methods that clients called"),
        by_hub(Numbers::invocations),
    ));
    metrics.collect(Series::counters(
        (
            "signalr_sends",
            "Messages to one or many clients, each counted once",
        ),
        by_hub(Numbers::sends),
    ));
}

/// Reads all hubs at every scrape.
fn each<T: 'static>(
    hubs: &Contexts,
    read: impl Fn(&str, &Numbers) -> Vec<(Labels, T)> + Send + Sync + 'static,
) -> impl Fn() -> Vec<(Labels, T)> + Send + Sync + 'static {
    let hubs = hubs.clone();
    move || {
        let hubs = hubs.iter();
        hubs.flat_map(|(name, context)| read(name, context.lifetime().numbers()))
            .collect()
    }
}

fn labels(hub: &str, transport: &str, more: Option<(&'static str, &str)>) -> Labels {
    let mut labels = vec![
        ("hub", hub.to_owned()),
        ("signalr_transport", transport_name(transport).to_owned()),
    ];
    labels.extend(more.map(|(name, value)| (name, value.to_owned())));
    labels
}

/// As OpenTelemetry's conventions spell it.
fn transport_name(transport: &str) -> &'static str {
    match transport {
        "WebSockets" => "web_sockets",
        "ServerSentEvents" => "server_sent_events",
        _ => "long_polling",
    }
}

fn distribution(durations: &Durations) -> Distribution {
    let bounds = DURATION_BOUNDS.into_iter().chain([f64::INFINITY]);
    Distribution {
        buckets: bounds.zip(durations.buckets).collect(),
        sum: durations.sum,
    }
}
