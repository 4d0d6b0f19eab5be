//! What goes wrong at a model provider, as a user sees it, and what a stop of the server does.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Instance, assert_gapless, borrowed, chat_events, text};
use super::fleet::{joined, start};
use super::upstream::{SECRET, Upstream, request};
use crate::support::redis::RedisServer;

fn instance(upstream: &Upstream, more: &[(&str, &str)]) -> Instance {
    let settings = upstream.settings();
    let mut settings = borrowed(&settings);
    settings.extend_from_slice(more);
    Instance::start(&settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_trouble_is_told_as_documented_without_the_providers_words() {
    let upstream = Upstream::start().await;
    let instance = instance(&upstream, &[("Llm__Providers__0__MaxRetries", "0")]);
    let mut tab = instance.connect("ada").await;
    #[rustfmt::skip]
    let troubles = [
        ("rate-limit", "", "error", "upstream_rate_limited", true),
        ("key-refused", "", "error", "upstream_refused", false),
        ("server-error", "", "error", "upstream_unavailable", true),
        ("context", "", "error", "context_too_long", false),
        ("html", "", "error", "upstream_invalid", true),
        ("nothing", "", "error", "upstream_unavailable", true),
        ("cut", "Hel", "error", "upstream_invalid", true),
        ("malformed", "Hel", "error", "upstream_invalid", true),
        ("half-a-character", "Hel", "error", "upstream_invalid", true),
        ("silence", "Hel", "stalled", "stalled", true),
    ];
    for (name, kept, reason, code, retryable) in troubles {
        let asked = json!([{"content": format!("trouble {name}")}]);
        let started = tab.invoke("SendMessage", asked).await;
        let events = chat_events(&mut tab).await;
        assert_gapless(&events, 1);
        assert_eq!(text(&events), kept, "{name}");
        let [.., error, end] = &events[..] else {
            panic!("{name}: {events:#?}")
        };
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("run.error"), &json!(code)),
            "{name}"
        );
        assert_eq!(error["retryable"], retryable, "{name}");
        assert_eq!(end["finishReason"], reason, "{name}");
        if name == "rate-limit" {
            assert_eq!(error["retryAfterMs"], 60_000);
        }
        let told: String = events.iter().map(Value::to_string).collect();
        assert!(!told.contains(SECRET), "{name}: {told}");
        let open = json!([{"conversationId": started["conversationId"]}]);
        let opened = tab.invoke("OpenConversation", open).await;
        assert_eq!(opened["messages"][1]["content"], kept, "{name}");
    }
    for name in ["no-done", "crlf-and-comments"] {
        let asked = json!([{"content": format!("trouble {name}")}]);
        tab.invoke("SendMessage", asked).await;
        let events = chat_events(&mut tab).await;
        let end = events.last().expect("an end");
        assert_eq!(end["finishReason"], "stop", "{name}");
    }
    upstream.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_from_another_instance_ends_the_providers_request() {
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    let upstream = Upstream::start().await;
    let settings = upstream.settings();
    let settings = borrowed(&settings);
    let (here, there) = (start(&redis, &settings), start(&redis, &settings));
    joined(&here).await;
    joined(&there).await;
    let mut tab = here.connect("ada").await;
    let (asked, _) = request(100_000, "w", 5);
    let started = tab.invoke("SendMessage", json!([{"content": asked}])).await;
    tab.next_call("ChatEvent").await;
    let mut other = there.connect("ada").await;
    let cancel = json!([{"runId": started["runId"]}]);
    let cancelled = other.invoke("CancelRun", cancel.clone()).await;
    assert_eq!(cancelled["state"], "cancelled");
    upstream.idle().await;
    assert_eq!(upstream.asked(), 1);
    // Cancelling an ended run is no error, and what was ended stays as it was.
    assert_eq!(
        other.invoke("CancelRun", cancel).await["state"],
        "cancelled"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_short_answers_finish_and_interrupts_long_ones() {
    let upstream = Upstream::start().await;
    let instance = instance(&upstream, &[("Shutdown__GracePeriod", "00:00:04")]);
    let (mut short, mut long) = (instance.connect("ada").await, instance.connect("bob").await);
    let (asked, whole) = request(40, "s", 20);
    short
        .invoke("SendMessage", json!([{"content": asked}]))
        .await;
    let (asked, endless) = request(100_000, "l", 20);
    long.invoke("SendMessage", json!([{"content": asked}]))
        .await;
    let begin = Instant::now();
    let stopping = tokio::task::spawn_blocking(move || instance.stop());
    let events = chat_events(&mut short).await;
    assert_eq!(text(&events), whole);
    let events = chat_events(&mut long).await;
    assert!(endless.starts_with(&text(&events)) && !text(&events).is_empty());
    let [.., error, end] = &events[..] else {
        panic!("{events:#?}")
    };
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&json!("interrupted"), &json!(true))
    );
    assert_eq!(end["finishReason"], "interrupted");
    stopping.await.expect("it stops in good order");
    assert!(begin.elapsed() < Duration::from_secs(8));
    upstream.idle().await;
}
