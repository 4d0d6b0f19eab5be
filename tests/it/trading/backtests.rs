//! The backtest hub.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_backtest_is_followed_to_its_end_and_replays_in_one_snapshot() {
    let program = Program::start(&DEVELOPMENT);
    let mut worker = connect(&program, "backtesthub", "worker").await;
    let mut viewer = connect(&program, "backtesthub", "viewer").await;
    let answer = viewer
        .invoke("SubscribeBacktests", json!([{"bundleId": "x"}]))
        .await;
    assert_eq!(answer["snapshots"], json!([]));
    worker
        .invoke("RegisterBacktests", json!([{"backtestIds": ["a"]}]))
        .await;
    let points = json!([{"t": "2026-01-01T00:00:00Z", "equity": 100}]);
    let events = json!([
        {"type": "BacktestQueued", "bundleId": "x"},
        {"type": "BacktestStarted"},
        {"type": "EquityPoints", "fromIndex": 0, "points": points},
        {"type": "BacktestProgress", "pct": 0.5},
        {"type": "BacktestCompleted", "statistics": {"sharpe": 1.5}},
    ]);
    let report = json!([{"backtestId": "a", "events": events}]);
    let receipt = worker.invoke("ReportBacktestEvents", report).await;
    assert_eq!(receipt["seqs"], json!([1, 2, 3, 3, 4]));
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != "BacktestCompleted") {
        let (name, event) = next_event(&mut viewer).await;
        if name == "BacktestProgress" {
            assert_eq!(event["pct"], 1.0);
        }
        names.push(name);
    }
    let expected = [
        "BacktestSnapshot",
        "BacktestQueued",
        "BacktestStarted",
        "EquityPoints",
        "BacktestProgress",
        "BacktestCompleted",
    ];
    assert_eq!(names, expected);
    let bundle = viewer.next_call("BundleUpdated").await;
    assert_eq!(
        (&bundle[0]["completed"], &bundle[0]["pct"]),
        (&json!(1), &json!(1.0))
    );

    let answer = viewer.invoke("SubscribeBacktests", json!([{}])).await;
    let snapshot = &answer["snapshots"][0];
    assert_eq!(snapshot["equity"][0]["equity"], 100);
    assert_eq!(snapshot["statistics"]["sharpe"], 1.5);
    let list = viewer
        .invoke("ListBacktests", json!([{"state": "completed"}]))
        .await;
    assert_eq!(list["items"][0]["backtestId"], "a");
    assert_eq!(list["nextCursor"], json!(null));
}

#[tokio::test]
async fn a_running_backtest_is_cancelled_through_its_worker() {
    let program = Program::start(&DEVELOPMENT);
    let mut worker = connect(&program, "backtesthub", "worker").await;
    let mut operator = connect(&program, "backtesthub", "ann").await;
    let registration = json!([{"backtestIds": ["a"]}]);
    worker.invoke("RegisterBacktests", registration).await;
    let started = json!([{"backtestId": "a", "events": [{"type": "BacktestStarted"}]}]);
    worker.invoke("ReportBacktestEvents", started).await;
    let answering = tokio::spawn(async move {
        let (id, asked) = next_command(&mut worker).await;
        assert_eq!(asked["backtestId"], "a");
        assert_eq!(asked["command"], "cancel");
        let answer = json!({"type": 3, "invocationId": id, "result": {"ok": true}});
        worker.send_message(&answer).await;
        worker
    });
    let cancel = json!([{"backtestId": "a"}]);
    let outcome = operator.invoke("CancelBacktest", cancel.clone()).await;
    assert_eq!(outcome["ok"], true);
    let outcome = operator.invoke("CancelBacktest", cancel.clone()).await;
    assert_eq!(outcome["code"], "already_finished");
    let snapshot = operator.invoke("GetBacktest", cancel).await;
    assert_eq!(snapshot["state"], "cancelled");
    answering.await.expect("the worker works");
}
