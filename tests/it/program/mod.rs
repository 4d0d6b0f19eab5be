//! The program as an operator meets it: its start, its answers, its end.

mod dashboards;
mod documents;
mod otlp;
pub mod process;
mod queues;
mod redis;

use std::time::{Duration, Instant};

use process::{Program, run};

const HUBS: [&str; 3] = ["llmhub", "bothub", "backtesthub"];
const SECRET: &str = "a secret of at least thirty-two bytes";

#[test]
fn it_starts_in_development_without_redis_and_serves() {
    let started = Instant::now();
    let program = Program::start(&[("APP_ENVIRONMENT", "Development")]);
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "a debug build on a busy machine"
    );
    assert_eq!(program.get("/health/live").0, 200);
    let (status, body) = program.get("/health/ready");
    assert_eq!(status, 200);
    assert!(body.contains(r#""status":"healthy""#), "{body}");
    let (status, body) = program.get("/metrics");
    assert_eq!(status, 200);
    assert!(
        body.contains("signalr_connections{hub=\"bothub\"} 0"),
        "{body}"
    );
    assert!(program.get("/").1.contains("managing-api"));
    for hub in HUBS {
        let (status, body) = program.post(&format!("/{hub}/negotiate?negotiateVersion=1&user=me"));
        assert!(
            status == 200 && body.contains("connectionToken"),
            "{hub}: {status} {body}"
        );
    }
    let log = program.stop();
    assert!(log.contains("Redis not configured"), "{log}");
    assert!(log.contains("Listening on http://localhost:"), "{log}");
}

#[test]
fn it_stops_at_sigterm_with_success_and_within_the_grace_period() {
    let program = Program::start(&[("APP_ENVIRONMENT", "Development")]);
    let stopping = Instant::now();
    let log = program.stop();
    assert!(stopping.elapsed() < Duration::from_secs(10));
    assert!(log.contains("Stopping") && log.contains("Stopped"), "{log}");
}

#[test]
fn without_a_key_hubs_answer_401_and_the_log_says_what_to_set() {
    let program = Program::start(&[("ConnectionStrings__Redis", "")]);
    assert_eq!(program.post("/bothub/negotiate?negotiateVersion=1").0, 401);
    assert_eq!(
        program
            .post("/bothub/negotiate?negotiateVersion=1&user=admin")
            .0,
        401
    );
    assert_eq!(program.get("/health/ready").0, 200);
    let log = program.stop();
    assert!(log.contains("Authentication__Jwt__Secret"), "{log}");
}

#[test]
fn a_token_of_gen_token_opens_a_hub_and_no_other_does() {
    let settings = [("Authentication__Jwt__Secret", SECRET), ("REDIS_URL", "")];
    let (token, _) = run(&["gen-token", "alice", "--roles", "viewer"], &settings);
    let other = [(
        "Authentication__Jwt__Secret",
        "another secret of thirty-two bytes!",
    )];
    let (forged, _) = run(&["gen-token", "alice", "--roles", "admin"], &other);
    let program = Program::start(&settings);
    let negotiate = |token: &str| {
        let path = format!(
            "/bothub/negotiate?negotiateVersion=1&access_token={}",
            token.trim()
        );
        program.post(&path).0
    };
    assert_eq!(negotiate(&token), 200);
    assert_eq!(negotiate(&forged), 401);
    assert_eq!(negotiate(""), 401);
    let log = program.stop();
    assert!(
        !log.contains(SECRET) && !log.contains(token.trim()),
        "{log}"
    );
}

#[test]
fn metrics_can_ask_for_a_role() {
    let settings = [
        ("Authentication__Jwt__Secret", SECRET),
        ("Metrics__RequireRole", "admin"),
        ("REDIS_URL", ""),
    ];
    let (admin, _) = run(&["gen-token", "--roles", "admin"], &settings);
    let (viewer, _) = run(&["gen-token", "--roles", "viewer"], &settings);
    let program = Program::start(&settings);
    let metrics = |token: &str| {
        program
            .get(&format!("/metrics?access_token={}", token.trim()))
            .0
    };
    assert_eq!(program.get("/metrics").0, 401);
    assert_eq!(metrics(&viewer), 403);
    assert_eq!(metrics(&admin), 200);
}

#[test]
fn a_redis_that_is_configured_but_not_there_does_not_keep_it_from_serving() {
    let program = Program::start(&[
        ("APP_ENVIRONMENT", "Development"),
        (
            "ConnectionStrings__Redis",
            "nowhere.invalid:6379,password=s3cret",
        ),
    ]);
    let (status, body) = program.get("/health/ready");
    assert_eq!(status, 200);
    assert!(
        body.contains(r#""status":"degraded""#) && body.contains(r#""redis":"unreachable""#),
        "{body}"
    );
    let log = program.stop();
    let configuring =
        "✅ Configuring SignalR with Redis backplane: nowhere.invalid:6379,password=*****";
    assert!(log.contains(configuring), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}

#[test]
fn a_taken_port_and_bad_settings_end_it_with_an_error_that_names_them() {
    let program = Program::start(&[("APP_ENVIRONMENT", "Development")]);
    let port = program.port().to_string();
    let (text, ok) = run(
        &["serve"],
        &[("APP_ENVIRONMENT", "Development"), ("PORT", &port)],
    );
    assert!(!ok && text.contains(&port), "{text}");
    let (text, ok) = run(&["serve"], &[("SignalR__KeepAliveInterval", "soon")]);
    assert!(!ok && text.contains("SignalR:KeepAliveInterval"), "{text}");
}

#[test]
fn check_config_fails_for_a_redis_string_that_cannot_be_used() {
    let (text, ok) = run(
        &["check-config"],
        &[("ConnectionStrings__Redis", "h:x,password=s3cret")],
    );
    assert!(
        !ok && text.contains("port") && !text.contains("s3cret"),
        "{text}"
    );
    let (text, ok) = run(&["check-config"], &[("REDIS_URL", "redis://:s3cret@h")]);
    assert!(ok && !text.contains("s3cret"), "{text}");
}

#[test]
fn healthcheck_tells_a_living_server_from_a_missing_one() {
    let program = Program::start(&[("APP_ENVIRONMENT", "Development")]);
    let port = program.port().to_string();
    assert!(run(&["healthcheck"], &[("PORT", &port)]).1);
    program.stop();
    assert!(!run(&["healthcheck"], &[("PORT", &port)]).1);
}

#[test]
fn bench_prints_how_fast_a_server_answers_and_metrics_count_it() {
    let program = Program::start(&[("APP_ENVIRONMENT", "Development")]);
    let url = format!("http://127.0.0.1:{}", program.port());
    let bench = [
        "bench",
        "--url",
        &url,
        "--connections",
        "2",
        "--duration",
        "200ms",
    ];
    let (text, ok) = run(&bench, &[]);
    assert!(ok, "{text}");
    for part in ["opening", "per second", "median", "slowest"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let limit = Instant::now() + Duration::from_secs(20);
    let closed = "signalr_connections_closed_total{hub=\"llmhub\",signalr_transport=\"web_sockets\",reason=\"client_left\"} 2";
    let mut numbers = program.get("/metrics").1;
    while !numbers.contains(closed) {
        assert!(Instant::now() < limit, "{closed} in\n{numbers}");
        numbers = program.get("/metrics").1;
    }
    for line in [
        "signalr_server_active_connections{hub=\"llmhub\",signalr_transport=\"web_sockets\"} 0",
        "signalr_server_connection_duration_seconds_count{hub=\"llmhub\",signalr_transport=\"web_sockets\",signalr_connection_status=\"normal_closure\"} 2",
        "signalr_sends_total{hub=\"bothub\"} 0",
        "chat_active_runs 0",
    ] {
        assert!(numbers.contains(line), "{line} in\n{numbers}");
    }
    assert!(
        !numbers.contains("signalr_invocations_total{hub=\"llmhub\"} 0"),
        "{numbers}"
    );
    let (text, ok) = run(&["bench", "--url", "http://127.0.0.1:1"], &[]);
    assert!(!ok && !text.contains("median"), "{text}");
}
