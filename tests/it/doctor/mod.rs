//! `doctor` finds what is wrong with a deployment, and says what cures it: each fault is made for
//! real, as far as one machine can.

mod fleet;
mod redis;
mod relay;

use crate::program::process::{Program, run};
use relay::{Fault, Relay};

/// What doctor says of a deployment, and whether everything works.
async fn examine(arguments: &[&str], variables: &[(&str, &str)]) -> (String, bool) {
    let arguments: Vec<String> = ["doctor"]
        .iter()
        .chain(arguments)
        .map(|it| it.to_string())
        .collect();
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let task = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain([
                ("APP_ENVIRONMENT", "Development"),
                ("Server__MaxConnections", "100"),
            ])
            .collect();
        run(&arguments, &variables)
    });
    task.await.expect("doctor runs")
}

fn assert_says(text: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(text.contains(sentence), "{sentence} in\n{text}");
    }
}

async fn server() -> Program {
    let start = || Program::start(&[("APP_ENVIRONMENT", "Development")]);
    tokio::task::spawn_blocking(start).await.expect("it starts")
}

/// What doctor says of a server behind a faulty proxy.
async fn examine_behind(fault: Fault, silence: &str) -> (String, bool) {
    let server = server().await;
    let relay = Relay::start(server.port(), fault).await;
    let arguments = ["--url", &relay.url(), "--silence", silence];
    examine(&arguments, &[("REDIS_URL", "")]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_deployment_has_no_fault() {
    let (text, is_good) = examine_behind(Fault::None, "1s").await;
    assert!(is_good && !text.contains('❌'), "{text}");
    assert_says(
        &text,
        &[
            "✅ WebSockets",
            "✅ Server-Sent Events",
            "✅ long polling, no affinity",
            "✅ quiet connections",
            "✅ clock",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_drops_the_upgrade_is_found() {
    let (text, is_good) = examine_behind(Fault::DropUpgrade, "1s").await;
    assert!(!is_good, "{text}");
    assert_says(
        &text,
        &[
            "❌ WebSockets: HTTP",
            "the proxy drops the Upgrade",
            "proxy_set_header Upgrade",
        ],
    );
    assert_says(&text, &["✅ Server-Sent Events"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_holds_answers_back_is_found() {
    let (text, is_good) = examine_behind(Fault::HoldAnswers, "1s").await;
    assert!(!is_good, "{text}");
    assert_says(
        &text,
        &[
            "❌ Server-Sent Events",
            "holds answers back",
            "proxy_buffering off",
        ],
    );
    assert_says(&text, &["✅ WebSockets", "✅ long polling"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_closes_quiet_connections_after_5_s_is_found() {
    let (text, is_good) = examine_behind(Fault::CloseQuiet, "12s").await;
    assert!(!is_good, "{text}");
    assert_says(
        &text,
        &[
            "❌ quiet connections: closed after 5 s",
            "proxy_read_timeout 1h",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_is_found() {
    let (text, is_good) = examine_behind(Fault::WrongDate, "1s").await;
    assert!(!is_good, "{text}");
    assert_says(&text, &["❌ clock", "s apart", "set both by NTP"]);
}

/// What doctor says where so many files may be open, and whether everything works.
fn examine_with_files(files: usize, variables: &[(&str, &str)]) -> (String, bool) {
    let program = env!("CARGO_BIN_EXE_managing-api");
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("ulimit -n {files}; exec '{program}' doctor")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("APP_ENVIRONMENT", "Development")
        .env("REDIS_URL", "")
        .envs(variables.iter().copied())
        .output()
        .expect("a shell runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (text, output.status.success())
}

#[test]
fn too_low_a_limit_on_open_files_is_found() {
    let (text, is_good) = examine_with_files(256, &[("Server__MaxConnections", "1000")]);
    assert!(!is_good, "{text}");
    assert_says(
        &text,
        &[
            "❌ open files: at most 256",
            "1000 connections need 1128",
            "ulimit -n 1128",
        ],
    );
}

#[test]
fn a_limit_below_the_default_is_no_failure_but_says_how_many_fit() {
    let (text, is_good) = examine_with_files(256, &[]);
    assert!(is_good, "{text}");
    assert_says(&text, &["⚠️ open files: at most 256: 128 connections fit"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_and_bad_settings_are_found() {
    let (text, is_good) = examine(
        &["--url", "http://127.0.0.1:1"],
        &[("SignalR__KeepAliveInterval", "soon")],
    )
    .await;
    assert!(!is_good, "{text}");
    assert_says(
        &text,
        &[
            "❌ settings",
            "KeepAliveInterval",
            "❌ public address: no answer",
            "check its upstream",
        ],
    );
}
