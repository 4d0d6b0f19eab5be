//! The HTTP routes of bots and backtests.

use serde_json::json;

use super::*;
use crate::support::http::{self, Request};

pub(super) async fn ask(
    program: &Program,
    method: &str,
    path: &str,
    more: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let mut request = Request::new(method, format!("/api/v1/{path}"));
    for (name, value) in more {
        request = request.header(name, value);
    }
    if !body.is_empty() {
        request = request.body(body.as_bytes().to_vec());
    }
    let answer = http::send(address(program), &request).await;
    let answer = answer.expect("is answered");
    let value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.head.status, value)
}

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

#[tokio::test]
async fn a_producer_over_http_reports_once_and_operators_look_and_remove() {
    let program = Program::start(&DEVELOPMENT);
    let mut viewer = connect(&program, "bothub", "ann").await;
    viewer.invoke("SubscribeBots", json!([{}])).await;
    let event = trade("t1").to_string();
    let keyed = [JSON[0], ("Idempotency-Key", "k1")];
    let path = "bots/a%2Fb/events";
    let (status, first) = ask(&program, "POST", path, &keyed, &event).await;
    assert_eq!((status, &first["seqs"]), (202, &json!([1])));
    let again = ask(&program, "POST", path, &keyed, &event).await;
    assert_eq!(again, (202, first));
    let (status, conflict) = ask(&program, "POST", path, &keyed, "[]").await;
    assert_eq!(
        (status, &conflict["code"]),
        (409, &json!("idempotency_conflict"))
    );
    assert_eq!(viewer.next_call("TradeEvent").await[0]["botId"], "a/b");

    let (status, bot) = ask(&program, "GET", "bots/a%2Fb", &[], "").await;
    assert_eq!((status, &bot["seq"]), (200, &json!(1)));
    let (_, trades) = ask(&program, "GET", "bots/a%2Fb/trades?limit=5", &[], "").await;
    assert_eq!(trades["items"][0]["tradeId"], "t1");
    let (_, list) = ask(&program, "GET", "bots", &[], "").await;
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(ask(&program, "DELETE", "bots/a%2Fb", &[], "").await.0, 204);
    assert_eq!(ask(&program, "GET", "bots/a%2Fb", &[], "").await.0, 404);
    viewer.next_call("BotRemoved").await;

    let started = json!([{"type": "BacktestQueued"}, {"type": "BacktestStarted"}]).to_string();
    let (status, _) = ask(&program, "POST", "backtests/x/events", &JSON, &started).await;
    assert_eq!(status, 202);
    let (_, page) = ask(&program, "GET", "backtests?state=running", &[], "").await;
    assert_eq!(page["items"][0]["backtestId"], "x");
    assert!(page["nextCursor"].is_null());
}

#[tokio::test]
async fn what_is_wrong_with_a_request_has_its_status_and_code() {
    let program = Program::start(&DEVELOPMENT);
    let large = " ".repeat(1024 * 1024 + 1);
    let plain = [("Content-Type", "text/plain")];
    let many = format!("[{}]", vec!["{}"; 1_001].join(","));
    for (method, path, headers, body, status, code) in [
        ("POST", "bots/b/events", &JSON, "{", 400, "invalid_request"),
        ("POST", "bots/b/events", &JSON, "{}", 400, "invalid_request"),
        (
            "POST",
            "bots/b/events",
            &JSON,
            &many,
            400,
            "invalid_request",
        ),
        (
            "POST",
            "bots/%0A/events",
            &JSON,
            "[]",
            400,
            "invalid_request",
        ),
        (
            "POST",
            "bots/b/events",
            &plain,
            "[]",
            415,
            "unsupported_media_type",
        ),
        ("POST", "bots/b/events", &JSON, &large, 413, "too_large"),
        ("GET", "bots/b/events", &JSON, "", 405, "method_not_allowed"),
        ("GET", "bots/b", &JSON, "", 404, "not_found"),
        (
            "GET",
            "backtests?state=odd",
            &JSON,
            "",
            400,
            "invalid_request",
        ),
        (
            "GET",
            "backtests?cursor=odd",
            &JSON,
            "",
            400,
            "invalid_request",
        ),
    ] {
        let (answered, problem) = ask(&program, method, path, headers, body).await;
        assert_eq!(
            (answered, &problem["code"]),
            (status, &json!(code)),
            "{method} {path}"
        );
    }
}
