//! Pages of other origins, and proxies that say who a request is from.

use super::*;
use crate::support::websocket::{self, Upgrade};

async fn upgrade_status(program: &Program, headers: &[(&str, &str)]) -> u16 {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    match websocket::connect(address(program), "/llmhub?user=ann", &headers).await {
        Ok(Upgrade::Open(head, ..)) => head.status,
        Ok(Upgrade::Refused(answer)) => answer.head.status,
        Err(error) => panic!("{error}"),
    }
}

/// The origin that an answer lets read it.
async fn allowed(program: &Program, headers: &[(&str, &str)]) -> Option<String> {
    let answer = ask(program, "GET", "/api/v1/bots", headers, "").await;
    answer.head.header("access-control-allow-origin")
}

#[tokio::test]
async fn only_listed_pages_and_the_own_one_may_connect() {
    let mut settings = OPEN.to_vec();
    settings.push(("Cors__Origins__0", "https://app.example/"));
    let program = Program::start(&settings);
    let host = ("Host", "api.example");
    for (origin, may) in [
        ("https://app.example", true),
        ("https://api.example", true),
        ("https://evil.example", false),
        ("https://app.example.evil", false),
        ("https://evil-app.example", false),
        ("http://app.example", false),
        ("null", false),
    ] {
        let headers = [host, ("Origin", origin)];
        let status = upgrade_status(&program, &headers).await;
        assert_eq!(status, if may { 101 } else { 403 }, "{origin}");
        let read = allowed(&program, &headers).await;
        assert_eq!(read.as_deref(), may.then_some(origin), "{origin}");
    }
    assert_eq!(
        upgrade_status(&program, &[host]).await,
        101,
        "no page at all"
    );
}

#[tokio::test]
async fn the_public_host_is_believed_from_known_proxies_only() {
    let through_proxy = [
        ("Host", "inner:8080"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Host", "api.example"),
        ("Origin", "https://api.example"),
    ];
    let closed = ("Cors__Origins__0", "https://app.example");
    let mut settings = OPEN.to_vec();
    settings.push(closed);
    let stranger = Program::start(&settings);
    assert_eq!(upgrade_status(&stranger, &through_proxy).await, 403);
    assert_eq!(allowed(&stranger, &through_proxy).await, None);
    settings.push(("ForwardedHeaders__KnownProxies__0", "127.0.0.0/8"));
    let known = Program::start(&settings);
    assert_eq!(upgrade_status(&known, &through_proxy).await, 101);
    let read = allowed(&known, &through_proxy).await;
    assert_eq!(read.as_deref(), Some("https://api.example"));
}
