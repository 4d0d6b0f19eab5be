//! The dashboard and the alert rules ask for numbers that the program has.

use std::collections::BTreeSet;

use super::process::Program;

const FILES: [&str; 2] = [
    include_str!("../../../deploy/grafana/managing-api.json"),
    include_str!("../../../deploy/prometheus/alerts.yml"),
];
/// What Prometheus adds to a counter, a histogram and an info.
const SUFFIXES: [&str; 4] = ["_total", "_bucket", "_count", "_info"];

/// The names before `{job=`.
fn asked_for() -> BTreeSet<&'static str> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let before = FILES.iter().flat_map(|file| {
        let ends = file.match_indices("{job=").map(|(end, _)| end);
        ends.map(|end| &file[..end]).collect::<Vec<_>>()
    });
    before
        .map(|text| &text[text.trim_end_matches(is_name).len()..])
        .filter(|name| *name != "up")
        .collect()
}

#[test]
fn every_number_of_the_dashboard_and_the_alerts_exists() {
    let variables = [
        ("APP_ENVIRONMENT", "Development"),
        ("REDIS_URL", "redis://127.0.0.1:1"),
    ];
    let program = Program::start(&variables);
    let (_, numbers) = program.get("/metrics");
    let names = asked_for();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let suffix = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
        let family = suffix.unwrap_or(name);
        assert!(
            numbers.contains(&format!("# TYPE {family} ")),
            "{name} in\n{numbers}"
        );
    }
}
