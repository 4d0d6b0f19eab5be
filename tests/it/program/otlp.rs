//! Metrics reach an OpenTelemetry collector, under OpenTelemetry's names.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::mpsc,
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value},
    metrics::v1::{Metric, metric::Data, number_data_point},
};
use prost::Message;

use super::process::Program;

const PATIENCE: Duration = Duration::from_secs(60);

/// What an instance posted: path and headers as one text, and the body.
struct Export {
    head: String,
    body: Vec<u8>,
}

/// A collector that answers the first export with an error and takes all others.
struct Collector {
    port: u16,
    exports: mpsc::Receiver<Export>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("some port is free");
        let port = listener.local_addr().expect("is bound").port();
        let (came, exports) = mpsc::channel();
        std::thread::spawn(move || {
            let mut status = "503 Service Unavailable";
            for connection in listener.incoming().flatten() {
                let Some(export) = read(&connection) else {
                    continue;
                };
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                status = "200 OK";
                let _ = (&connection).write_all(answer.as_bytes());
                if came.send(export).is_err() {
                    return;
                }
            }
        });
        Self { port, exports }
    }

    fn next(&self) -> Export {
        self.exports
            .recv_timeout(PATIENCE)
            .expect("an export comes")
    }
}

fn read(connection: &TcpStream) -> Option<Export> {
    let mut input = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (input.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    head.make_ascii_lowercase();
    let length = head.split("content-length: ").nth(1)?.lines().next()?;
    let mut body = vec![0; length.parse().ok()?];
    input.read_exact(&mut body).ok()?;
    Some(Export { head, body })
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn named<'a>(metrics: &'a [Metric], name: &str) -> &'a Metric {
    let found = metrics.iter().find(|metric| metric.name == name);
    found.unwrap_or_else(|| panic!("{name} is not there"))
}

#[test]
fn a_collector_gets_the_numbers_also_after_it_was_away() {
    let collector = Collector::start();
    let endpoint = format!("http://127.0.0.1:{}", collector.port);
    let program = Program::start(&[
        ("APP_ENVIRONMENT", "Development"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=s3cret%20word"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ("OTEL_SERVICE_NAME", "desk"),
    ]);
    let refused = collector.next();
    assert!(
        refused.head.starts_with("post /v1/metrics "),
        "{}",
        refused.head
    );
    assert!(
        refused
            .head
            .contains("content-type: application/x-protobuf")
    );
    assert!(refused.head.contains("x-key: s3cret word"));
    let taken = collector.next();
    let request = ExportMetricsServiceRequest::decode(&*taken.body).expect("is OTLP");
    let [of_resource] = &request.resource_metrics[..] else {
        panic!("{request:?}");
    };
    let resource = of_resource.resource.as_ref().expect("says who");
    assert_eq!(text(&resource.attributes, "service.name"), Some("desk"));
    let metrics = &of_resource.scope_metrics[0].metrics;
    let connections = named(metrics, "signalr.server.active_connections");
    let Some(Data::Sum(sum)) = &connections.data else {
        panic!("{connections:?}");
    };
    assert!(!sum.is_monotonic);
    let websockets = sum.data_points.iter().find(|point| {
        text(&point.attributes, "hub") == Some("bothub")
            && text(&point.attributes, "signalr.transport") == Some("web_sockets")
    });
    let none = number_data_point::Value::AsInt(0);
    assert_eq!(websockets.expect("is there").value, Some(none));
    let memory = named(metrics, "process.memory.usage");
    assert_eq!(memory.unit, "By");
    let invocations = named(metrics, "signalr_invocations");
    assert!(matches!(&invocations.data, Some(Data::Sum(sum)) if sum.is_monotonic));
    let duration = named(metrics, "signalr.server.connection.duration");
    assert!(matches!(&duration.data, Some(Data::Histogram(_))));
    collector.next();
    let log = program.stop();
    assert!(
        log.contains("Metrics are sent to an OTLP endpoint"),
        "{log}"
    );
    assert!(log.contains("it answers HTTP 503"), "{log}");
    assert!(log.contains("Metrics are sent again"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}

#[test]
fn a_collector_that_cannot_be_used_is_told_and_no_reason_not_to_serve() {
    let program = Program::start(&[
        ("APP_ENVIRONMENT", "Development"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ]);
    assert_eq!(program.get("/health/ready").0, 200);
    let log = program.stop();
    assert!(log.contains("only http/protobuf is spoken"), "{log}");
}
