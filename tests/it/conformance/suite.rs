//! Which scenarios run, where, and how many at a time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;

use super::report::{Outcome, Report};
use super::runner;
use super::scenario::{File, Scenario};
use crate::support::server::Server;

/// Scenarios of one profile at a time: enough to fill the waits, few enough for a busy machine.
const AT_ONCE: usize = 6;

pub fn tests_another_server() -> bool {
    variable("CONFORMANCE_SERVER").is_some() || variable("CONFORMANCE_URL").is_some()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn data() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance"))
}

/// The scenarios of a folder of `tests/conformance` that were asked for.
pub fn load(folder: &str) -> Vec<Arc<Scenario>> {
    let folder = data().join(folder);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    let json = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let only = variable("CONFORMANCE_ONLY").unwrap_or_default();
    json.flat_map(|path| load_file(path))
        .filter(|scenario| scenario.full_name().contains(&only))
        .map(Arc::new)
        .collect()
}

fn load_file(path: &Path) -> Vec<Scenario> {
    let text = std::fs::read_to_string(path).expect("a readable scenario file");
    let File {
        topic,
        mut scenarios,
    } = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    scenarios
        .iter_mut()
        .for_each(|scenario| scenario.topic.clone_from(&topic));
    scenarios
}

#[derive(Deserialize)]
struct Profiles {
    flags: BTreeMap<String, Flag>,
    profiles: BTreeMap<String, Profile>,
}

#[derive(Deserialize)]
struct Flag {
    env: String,
}

#[derive(Deserialize)]
struct Profile {
    options: BTreeMap<String, Value>,
}

impl Profiles {
    fn load() -> Self {
        let text = std::fs::read_to_string(data().join("profiles.json")).expect("profiles.json");
        serde_json::from_str(&text).expect("profiles.json is well formed")
    }

    /// The environment that sets a profile's options.
    fn environment(&self, profile: &str) -> Vec<(String, String)> {
        let options = &self.profiles[profile].options;
        let text = |value: &Value| match value {
            Value::Bool(on) => u8::from(*on).to_string(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        options
            .iter()
            .map(|(option, value)| (self.flags[option].env.clone(), text(value)))
            .collect()
    }
}

/// Runs the scenarios, one server per profile, and reports each outcome.
pub fn run(scenarios: &[Arc<Scenario>]) -> Report {
    let profiles = Profiles::load();
    let mut by_profile: BTreeMap<&str, Vec<Arc<Scenario>>> = BTreeMap::new();
    for scenario in scenarios {
        by_profile
            .entry(&scenario.profile)
            .or_default()
            .push(Arc::clone(scenario));
    }
    if let Some(url) = variable("CONFORMANCE_URL") {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let profile = variable("CONFORMANCE_PROFILE").unwrap_or_else(|| "default".to_owned());
        let scenarios = by_profile.remove(profile.as_str()).unwrap_or_default();
        return run_profile(
            address
                .parse()
                .expect("CONFORMANCE_URL is an address and port"),
            scenarios,
        );
    }
    std::thread::scope(|scope| {
        let runs: Vec<_> = by_profile
            .into_iter()
            .map(|(profile, scenarios)| {
                let environment = profiles.environment(profile);
                scope.spawn(move || {
                    let mut server = Server::conformance(&environment);
                    let report = run_profile(server.address(), scenarios);
                    server.assert_alive();
                    report
                })
            })
            .collect();
        let reports = runs
            .into_iter()
            .map(|run| run.join().expect("a profile's run does not panic"));
        reports.fold(Report::default(), Report::merge)
    })
}

fn run_profile(address: SocketAddr, scenarios: Vec<Arc<Scenario>>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime can be made");
    let (alone, together): (Vec<_>, Vec<_>) = scenarios
        .into_iter()
        .partition(|scenario| scenario.needs_the_hub_alone());
    let mut report = Report::default();
    for (scenarios, at_once) in [(together, AT_ONCE), (alone, 1)] {
        let runs = stream::iter(scenarios)
            .map(|scenario| check(address, scenario))
            .buffer_unordered(at_once);
        report
            .outcomes
            .extend(runtime.block_on(runs.collect::<Vec<_>>()));
    }
    report
}

async fn check(address: SocketAddr, scenario: Arc<Scenario>) -> Outcome {
    let began = Instant::now();
    let failure = runner::run(address, &scenario).await.err();
    Outcome {
        name: scenario.full_name(),
        optional: scenario.optional.clone(),
        failure,
        took: began.elapsed(),
    }
}
