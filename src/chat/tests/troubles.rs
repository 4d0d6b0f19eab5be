//! Every kind of upstream trouble becomes the documented event, and the run is finished.

use std::time::Duration;

use serde_json::json;

use super::upstream::{
    Step, Upstream, answer, done, event, finish, status, stream_head, text, write,
};
use super::{Chat, last, text_of, types};

/// Name, script, and what comes of it: text, finish reason, code, whether to try again.
type Trouble = (
    &'static str,
    Vec<Step>,
    &'static str,
    &'static str,
    &'static str,
    bool,
);

const PAUSE: Step = Step::Pause(Duration::from_millis(120));

#[tokio::test]
async fn each_trouble_ends_as_documented_with_the_text_kept() {
    let limit = "Retry-After: 60\r\n";
    let context = r#"{"error":{"code":"context_length_exceeded","message":"sk-very-secret"}}"#;
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>";
    let error = json!({"error": {"message": "sk-very-secret", "code": 500}});
    #[rustfmt::skip]
    let troubles: Vec<Trouble> = vec![
        ("a rate limit that is too long", vec![status(429, limit, "{}")], "", "error", "upstream_rate_limited", true),
        ("refused keys", vec![status(401, "", "sk-very-secret")], "", "error", "upstream_refused", false),
        ("a context too long", vec![status(400, "", context)], "", "error", "context_too_long", false),
        ("a redirect", vec![status(302, "Location: http://127.0.0.1:1/\r\n", "")], "", "error", "upstream_invalid", true),
        ("not a stream", vec![write(html)], "", "error", "upstream_invalid", true),
        ("a cut", vec![stream_head(), text("Hel"), PAUSE], "Hel", "error", "upstream_invalid", true),
        ("only [DONE]", vec![stream_head(), text("Hel"), done()], "Hel", "error", "upstream_invalid", true),
        ("a malformed chunk", vec![stream_head(), text("Hel"), write("data: {\"cho\n\n")], "Hel", "error", "upstream_invalid", true),
        ("half a character", vec![stream_head(), text("Hel"), Step::Write(b"data: {\"choices\":[{\"delta\":{\"content\":\"\xe2\x82".to_vec())], "Hel", "error", "upstream_invalid", true),
        ("an error in the stream", vec![stream_head(), text("Hel"), event(&error)], "Hel", "error", "upstream_unavailable", true),
        ("silence", vec![stream_head(), text("Hel"), Step::Hang], "Hel", "stalled", "stalled", true),
        ("no first token", vec![stream_head(), Step::Hang], "", "stalled", "stalled", true),
        ("no answer at all", vec![Step::Hang], "", "stalled", "stalled", true),
    ];
    for (name, script, expected_text, finish_reason, code, retryable) in troubles {
        let upstream = Upstream::start([script]).await;
        let chat = Chat::with(&[&upstream]);
        let events = chat.ask("Hello").await;
        let (error, end) = (last(&events, "run.error"), last(&events, "run.finished"));
        assert_eq!(text_of(&events), expected_text, "{name}");
        assert_eq!(end["finishReason"], finish_reason, "{name}: {events:#?}");
        assert_eq!(error["code"], code, "{name}");
        assert_eq!(error["retryable"], retryable, "{name}");
        assert!(!json!(events).to_string().contains("sk-"), "{name}");
        upstream.idle().await;
    }
}

#[tokio::test]
async fn a_stream_that_never_ends_is_ended() {
    let mut script = vec![stream_head()];
    for _ in 0..40 {
        script.extend([
            text("x"),
            write(": keep-alive\n\n"),
            Step::Pause(Duration::from_millis(100)),
        ]);
    }
    let upstream = Upstream::start([script]).await;
    let events = Chat::with(&[&upstream]).ask("Hello").await;
    assert_eq!(last(&events, "run.error")["code"], "stalled");
    assert!(text_of(&events).len() > 10);
    upstream.idle().await;
}

#[tokio::test]
async fn what_real_endpoints_do_is_understood() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n";
    let chunk = r#"data: {"choices":[{"delta":{"content":"grün"}}]}"#.as_bytes();
    let split = chunk
        .iter()
        .position(|byte| *byte == 0xC3)
        .expect("an umlaut")
        + 1;
    let script = vec![
        write(head),
        write(": comment\r\n\r\n"),
        Step::Write(chunk[..split].to_vec()),
        Step::Pause(Duration::from_millis(30)),
        Step::Write(chunk[split..].to_vec()),
        write("\r\n\r\n"),
        write("data:{\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"stop\"}]}"),
    ];
    let upstream = Upstream::start([script]).await;
    let events = Chat::with(&[&upstream]).ask("Colour?").await;
    assert_eq!(text_of(&events), "grün!");
    assert_eq!(last(&events, "run.finished")["finishReason"], "stop");

    // Complete, though the stream stays open.
    let open = vec![stream_head(), text("Hi"), finish("length"), Step::Hang];
    let upstream = Upstream::start([open]).await;
    let events = Chat::with(&[&upstream]).ask("Hello").await;
    assert_eq!(last(&events, "run.finished")["finishReason"], "length");
    upstream.idle().await;
}

#[tokio::test]
async fn before_the_first_token_it_is_tried_again_and_then_elsewhere() {
    let busy = || vec![status(429, "Retry-After: 0\r\n", "{}")];
    let upstream = Upstream::start([busy(), vec![status(503, "", "")], answer(&["Hi"])]).await;
    let events = Chat::with(&[&upstream]).ask("Hello").await;
    assert_eq!(text_of(&events), "Hi");
    let retries = events.iter().filter(|event| event["phase"] == "retrying");
    assert_eq!(retries.count(), 2);
    assert_eq!(upstream.requests().len(), 3);

    let first = Upstream::start([busy(), busy(), busy(), answer(&["never"])]).await;
    let second = Upstream::start([answer(&["from the second"])]).await;
    let events = Chat::with(&[&first, &second]).ask("Hello").await;
    assert_eq!(text_of(&events), "from the second");
    let fallback = events.iter().find(|event| event["phase"] == "fallback");
    assert_eq!(fallback.map(|event| &event["provider"]), Some(&json!("p1")));
    assert_eq!(first.requests().len(), 3);
}

#[tokio::test]
async fn a_long_wait_is_told_when_nobody_else_answers() {
    let first = Upstream::start([vec![status(429, "Retry-After: 30\r\n", "{}")]]).await;
    let second = Upstream::start([vec![status(401, "", "{}")]]).await;
    let events = Chat::with(&[&first, &second]).ask("Hello").await;
    let error = last(&events, "run.error");
    assert_eq!(error["code"], "upstream_rate_limited");
    assert_eq!(error["retryAfterMs"], 30_000);
    assert_eq!(first.requests().len(), 1);
}

#[tokio::test]
async fn after_the_first_token_nothing_is_tried_again() {
    let upstream =
        Upstream::start([vec![stream_head(), text("Hel"), PAUSE], answer(&["Hello"])]).await;
    let other = Upstream::start([answer(&["Hello"])]).await;
    let events = Chat::with(&[&upstream, &other]).ask("Hello").await;
    assert_eq!(text_of(&events), "Hel");
    assert_eq!((upstream.requests().len(), other.requests().len()), (1, 0));
}

#[tokio::test]
async fn an_unreachable_provider_is_unavailable() {
    let mut gone = Upstream::start([]).await;
    gone.base_url = "http://127.0.0.1:1/v1".to_owned();
    let events = Chat::with(&[&gone]).ask("Hello").await;
    assert_eq!(last(&events, "run.error")["code"], "upstream_unavailable");
    gone.base_url = "http://no-such-host.invalid/v1".to_owned();
    let events = Chat::with(&[&gone]).ask("Hello").await;
    assert_eq!(last(&events, "run.error")["code"], "upstream_unavailable");
}

#[tokio::test]
async fn tools_are_called_and_a_provider_without_them_is_asked_plainly() {
    let call = |name: &str, arguments: &str| {
        let function = json!({"name": name, "arguments": arguments});
        let call = json!({"index": 0, "id": "call-1", "function": function});
        event(&json!({"choices": [{"delta": {"tool_calls": [call]}}]}))
    };
    let calls = vec![
        stream_head(),
        call("get_bot", r#"{"botId":"trend-2"}"#),
        finish("tool_calls"),
        done(),
    ];
    let upstream = Upstream::start([calls, answer(&["It hit the daily loss limit."])]).await;
    let events = Chat::with(&[&upstream]).ask("Why did trend-2 stop?").await;
    assert_eq!(
        last(&events, "tool.call")["arguments"],
        json!({"botId": "trend-2"})
    );
    let result = last(&events, "tool.result");
    assert_eq!(
        (&result["ok"], &result["callId"]),
        (&json!(true), &json!("call-1"))
    );
    assert!(
        result["content"]
            .as_str()
            .is_some_and(|it| it.contains("daily loss limit"))
    );
    assert_eq!(text_of(&events), "It hit the daily loss limit.");
    let (_, second) = &upstream.requests()[1];
    assert_eq!(second["messages"][3]["role"], "tool");

    let refused = vec![status(400, "", "tools are not supported")];
    let upstream = Upstream::start([refused, answer(&["Hi"])]).await;
    let events = Chat::with(&[&upstream]).ask("Hello").await;
    assert_eq!(text_of(&events), "Hi");
    assert!(upstream.requests()[1].1.get("tools").is_none());
}

#[tokio::test]
async fn a_model_that_only_calls_tools_is_stopped_after_eight_rounds() {
    let round = || {
        let call =
            json!({"index": 0, "id": "c", "function": {"name": "list_bots", "arguments": "[1]"}});
        let calls = event(&json!({"choices": [{"delta": {"tool_calls": [call]}}]}));
        vec![stream_head(), calls, finish("tool_calls"), done()]
    };
    let upstream = Upstream::start((0..20).map(|_| round())).await;
    let events = Chat::with(&[&upstream]).ask("Loop").await;
    assert_eq!(last(&events, "run.finished")["finishReason"], "tool_calls");
    let calls: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "tool.call")
        .collect();
    assert_eq!(calls.len(), 8);
    assert_eq!(calls[0]["arguments"], "[1]", "the model's own words");
}

#[tokio::test]
async fn a_silent_run_says_what_it_waits_for() {
    let pause = Step::Pause(Duration::from_millis(250));
    let script = vec![
        stream_head(),
        pause.clone(),
        text("Hi"),
        finish("stop"),
        done(),
    ];
    let upstream = Upstream::start([script]).await;
    let chat = Chat::configured(&[&upstream], |config| {
        config.status_after = Duration::from_millis(100);
    });
    let events = chat.ask("Hello").await;
    assert_eq!(types(&events)[..3], ["run.started", "status", "status"]);
    assert_eq!(last(&events, "status")["phase"], "waiting");
}
