//! The way from a client to the server: what proxies between them do to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Report, finding::Finding, silence, streaming, websocket};
use crate::cli::remote::{Target, describe};

/// Tokens are refused when clocks differ by more (`ClockSkewSeconds`).
const CLOCK_LIMIT: i64 = 30;

pub(super) async fn examine(target: &Target, quiet: Duration, report: &mut Report) {
    if !answers(target, report).await {
        return;
    }
    report.add_all(ready(target).await);
    if let Err(problem) = target.negotiate().await {
        report.add(not_negotiated(&problem));
        return;
    }
    report.add(Finding::good("negotiate", "answered"));
    let (upgrade, events, polls, silence) = tokio::join!(
        websocket::examine(target),
        streaming::server_sent_events(target),
        streaming::long_polling(target),
        silence::examine(target, quiet),
    );
    report.add_all([upgrade, events, polls]);
    report.add_all(silence);
}

/// Whether it is our server that answers; its clock besides.
async fn answers(target: &Target, report: &mut Report) -> bool {
    let subject = "public address";
    let cure = "the proxy must pass everything on to this server: check its upstream, the port \
                (8080 unless PORT says otherwise; CapRover: Container HTTP Port) and that it runs";
    let answer = match target.get("/health/live").send().await {
        Ok(answer) => answer,
        Err(error) => {
            report.add(Finding::fail(
                subject,
                format!("no answer: {}", describe(&error)),
                cure,
            ));
            return false;
        }
    };
    let status = answer.status();
    let date = answer
        .headers()
        .get("date")
        .and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    if !status.is_success() {
        report.add(Finding::fail(
            subject,
            format!("/health/live: HTTP {status}"),
            cure,
        ));
        return false;
    }
    report.add(Finding::good(subject, "answers"));
    if let Some(date) = date {
        let apart = (Utc::now() - date.with_timezone(&Utc)).num_seconds().abs();
        report.add(match apart > CLOCK_LIMIT {
            true => Finding::fail(
                "clock",
                format!("the server and this machine are {apart} s apart"),
                "set both by NTP: tokens are refused when clocks differ by more than 30 s",
            ),
            false => Finding::good("clock", format!("{apart} s from the server's")),
        });
    }
    true
}

async fn ready(target: &Target) -> Option<Finding> {
    let subject = "readiness";
    let answer = target.get("/health/ready").send().await.ok()?;
    let status = answer.status();
    let body: Value = answer.json().await.ok()?;
    let (state, redis) = (
        body["status"].as_str()?,
        body["redis"].as_str().unwrap_or("unknown"),
    );
    Some(match state {
        _ if !status.is_success() => Finding::fail(
            subject,
            state,
            "an instance that starts or drains takes no clients; let the proxy ask /health/ready",
        ),
        "degraded" => Finding::warn(
            subject,
            format!("degraded, Redis {redis}"),
            "run doctor on the server: it says what is wrong with Redis",
        ),
        _ => Finding::good(subject, format!("{state}, Redis {redis}")),
    })
}

fn not_negotiated(problem: &str) -> Finding {
    let cure = match problem {
        "HTTP 401 Unauthorized" => {
            "give a valid token with --token; if it is valid, a proxy drops the Authorization header"
        }
        "HTTP 403 Forbidden" => "the token belongs to somebody who may not connect",
        _ => "a proxy must pass POST /llmhub/negotiate on as it is",
    };
    Finding::fail("negotiate", problem, cure)
}
