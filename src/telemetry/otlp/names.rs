//! Names and units as OpenTelemetry has them, for what its conventions know; everything else keeps
//! the name that Prometheus sees, and its unit is the name's last word.

/// A metric's name and unit (UCUM).
pub(super) fn of(name: &'static str) -> (&'static str, &'static str) {
    match name {
        "signalr_server_active_connections" => {
            ("signalr.server.active_connections", "{connection}")
        }
        "signalr_server_connection_duration_seconds" => ("signalr.server.connection.duration", "s"),
        "process_resident_memory_bytes" => ("process.memory.usage", "By"),
        "process_open_fds" => ("process.unix.file_descriptor.count", "{file_descriptor}"),
        _ => (name, unit(name)),
    }
}

/// An attribute's name.
pub(super) fn attribute(label: &'static str) -> &'static str {
    match label {
        "signalr_transport" => "signalr.transport",
        "signalr_connection_status" => "signalr.connection.status",
        label => label,
    }
}

/// Conventions make these sums that may fall, not gauges: values of several instances add up.
pub(super) fn is_sum(name: &str) -> bool {
    matches!(
        name,
        "signalr.server.active_connections"
            | "process.memory.usage"
            | "process.unix.file_descriptor.count"
    )
}

fn unit(name: &str) -> &'static str {
    match name.rsplit('_').next() {
        Some("bytes") => "By",
        Some("seconds") => "s",
        Some("microseconds") => "us",
        _ => "1",
    }
}
