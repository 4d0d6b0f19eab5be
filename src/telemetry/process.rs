//! The process as its system sees it, under the names that Prometheus's own clients use. Numbers
//! that the system does not tell are 0.

use super::metrics::{Metrics, Reading};

pub(super) fn add_to(metrics: &mut Metrics) {
    let started = chrono::Utc::now().timestamp().unsigned_abs();
    metrics.gauge(
        "process_resident_memory_bytes",
        "Memory in use",
        vec![Reading::new(&[], resident_bytes)],
    );
    metrics.gauge(
        "process_open_fds",
        "Open files",
        vec![Reading::new(&[], open_files)],
    );
    metrics.gauge(
        "process_max_fds",
        "The limit on open files",
        vec![Reading::new(&[], most_files)],
    );
    metrics.gauge(
        "process_start_time_seconds",
        "Start of the process",
        vec![Reading::new(&[], move || started)],
    );
}

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
