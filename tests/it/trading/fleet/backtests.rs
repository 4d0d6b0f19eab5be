//! Backtests and bundles seen, reported and cancelled on different instances.

use super::*;

fn queued(bundle: &str) -> Value {
    json!({"type": "BacktestQueued", "bundleId": bundle, "name": "a test"})
}

fn points(from: usize, count: usize) -> Value {
    let points: Vec<Value> = (from..from + count)
        .map(|n| json!({"t": "2026-01-01T00:00:00.000Z", "equity": 100 + n}))
        .collect();
    json!({"type": "EquityPoints", "fromIndex": from, "points": points})
}

async fn report(worker: &mut HubClient, backtest: &str, events: Value) -> Value {
    let argument = json!([{"backtestId": backtest, "events": events}]);
    worker.invoke("ReportBacktestEvents", argument).await
}

#[tokio::test]
async fn a_backtest_is_followed_to_its_end_elsewhere_and_then_is_one_snapshot() {
    let Some(fleet) = Fleet::start(2).await else {
        return;
    };
    let mut viewer = fleet.backtests(1, "viewer").await;
    viewer.invoke("SubscribeBacktests", json!([{}])).await;
    let mut worker = fleet.backtests(0, "worker").await;
    worker
        .invoke("RegisterBacktests", json!([{"backtestIds": ["x"]}]))
        .await;
    report(
        &mut worker,
        "x",
        json!([queued("n"), {"type": "BacktestStarted"}]),
    )
    .await;
    for chunk in 0..10 {
        let progress = json!({"type": "BacktestProgress", "pct": f64::from(chunk) / 10.0});
        let trades = json!({"type": "TradeBatch", "trades": [{"n": chunk}]});
        let events = json!([points(chunk as usize * 5, 5), progress, trades]);
        report(&mut worker, "x", events).await;
    }
    let end = json!({"type": "BacktestCompleted", "statistics": {"sharpe": 1.5}});
    report(&mut worker, "x", json!([end])).await;
    let (mut seq, mut pct) = (0, 0.0);
    loop {
        let (name, event) = next_event(&mut viewer).await;
        match name.as_str() {
            "BacktestProgress" => {
                let now = event["pct"].as_f64().expect("a number");
                assert!(now >= pct, "{now} after {pct}");
                pct = now;
            }
            "BacktestSnapshot" => {
                seq = event["seq"].as_u64().expect("a number");
                pct = event["progress"]["pct"].as_f64().unwrap_or(pct);
                if event["state"] == "completed" {
                    break;
                }
            }
            "BundleUpdated" => {}
            _ => {
                seq += 1;
                assert_eq!(event["seq"], seq, "{name}");
                if name == "BacktestCompleted" {
                    break;
                }
            }
        }
    }
    assert_eq!(pct, 1.0);

    let seen = json!({"x": {"epoch": "another", "seq": 3}});
    for instance in 0..2 {
        let mut viewer = fleet.backtests(instance, "again").await;
        let asked = json!([{"backtestIds": ["x"], "since": seen}]);
        let answer = viewer.invoke("SubscribeBacktests", asked).await;
        let snapshot = &answer["snapshots"][0];
        assert_eq!(snapshot["state"], "completed");
        assert_eq!(snapshot["equity"].as_array().map(Vec::len), Some(50));
        assert_eq!(snapshot["tradeCount"], 10);
        assert_eq!(snapshot["statistics"]["sharpe"], 1.5);
        assert_eq!(snapshot["progress"]["pct"], 1.0);
        let page = viewer
            .invoke("GetTrades", json!([{"backtestId": "x"}]))
            .await;
        assert_eq!(page["items"][0]["n"], 9);
    }
}

#[tokio::test]
async fn a_bundle_counts_the_backtests_of_all_instances_and_lists_have_one_order() {
    let Some(fleet) = Fleet::start(3).await else {
        return;
    };
    let mut viewer = fleet.backtests(2, "viewer").await;
    viewer
        .invoke("SubscribeBacktests", json!([{"bundleId": "n"}]))
        .await;
    for n in 0..6_usize {
        let mut worker = fleet.backtests(n % 3, "worker").await;
        report(&mut worker, &format!("x{n}"), json!([queued("n")])).await;
    }
    let mut worker = fleet.backtests(1, "worker").await;
    let end = json!({"type": "BacktestCompleted", "statistics": {}});
    report(&mut worker, "x0", json!([{"type": "BacktestStarted"}, end])).await;
    report(&mut worker, "x1", json!([{"type": "BacktestStarted"}])).await;
    loop {
        let bundle = next_named(&mut viewer, "BundleUpdated").await;
        let counts = ["total", "queued", "running", "completed"].map(|it| &bundle[it]);
        if counts == [6, 4, 1, 1] {
            break;
        }
    }
    for instance in 0..3 {
        let mut viewer = fleet.backtests(instance, "list").await;
        let is_whole = |page: &Value| page["items"].as_array().map(Vec::len) == Some(6);
        let asked = json!({"bundleId": "n"});
        let page = invoke_until(&mut viewer, "ListBacktests", asked, is_whole).await;
        let ids: Vec<&Value> = (0..6).map(|n| &page["items"][n]["backtestId"]).collect();
        assert_eq!(ids, ["x5", "x4", "x3", "x2", "x1", "x0"]);
        let first = viewer.invoke("ListBacktests", json!([{"limit": 2}])).await;
        let mut other = fleet.backtests((instance + 1) % 3, "page").await;
        let asked = json!([{"limit": 2, "cursor": first["nextCursor"]}]);
        let next = other.invoke("ListBacktests", asked).await;
        assert_eq!(next["items"][0]["backtestId"], "x3");
    }
}

#[tokio::test]
async fn a_backtest_is_cancelled_from_another_instance_with_and_without_its_worker() {
    let Some(fleet) = Fleet::start(3).await else {
        return;
    };
    let mut maker = fleet.backtests(0, "maker").await;
    for backtest in ["waiting", "running"] {
        report(&mut maker, backtest, json!([queued("n")])).await;
    }
    let mut worker = fleet.backtests(1, "worker").await;
    worker
        .invoke("RegisterBacktests", json!([{"backtestIds": ["running"]}]))
        .await;
    report(&mut worker, "running", json!([{"type": "BacktestStarted"}])).await;
    let mut operator = fleet.backtests(2, "ann").await;
    let outcome = operator
        .invoke("CancelBacktest", json!([{"backtestId": "waiting"}]))
        .await;
    assert_eq!(outcome["ok"], true, "{outcome}");
    let answering = tokio::spawn(async move {
        let (id, asked) = next_command(&mut worker).await;
        assert_eq!(
            (&asked["command"], &asked["backtestId"]),
            (&json!("cancel"), &json!("running"))
        );
        let answer = json!({"type": 3, "invocationId": id, "result": {"ok": true}});
        worker.send_message(&answer).await;
        // Its own word comes too late and changes nothing.
        report(
            &mut worker,
            "running",
            json!([{"type": "BacktestCancelled"}]),
        )
        .await;
        worker
    });
    let cancel = json!([{"backtestId": "running"}]);
    let outcome = operator.invoke("CancelBacktest", cancel.clone()).await;
    assert_eq!(outcome["ok"], true, "{outcome}");
    let _worker = answering.await.expect("the worker works");
    for backtest in ["waiting", "running"] {
        let asked = json!({"backtestId": backtest});
        let cancelled = |it: &Value| it["state"] == "cancelled";
        invoke_until(&mut operator, "GetBacktest", asked, cancelled).await;
    }
    let outcome = operator.invoke("CancelBacktest", cancel).await;
    assert_eq!(outcome["code"], "already_finished");
}

#[tokio::test]
async fn a_lost_backtest_continues_in_a_new_epoch_that_is_whole_everywhere() {
    let Some(fleet) = Fleet::start(2).await else {
        return;
    };
    let mut viewer = fleet.backtests(1, "viewer").await;
    viewer.invoke("SubscribeBacktests", json!([{}])).await;
    let mut maker = fleet.backtests(1, "maker").await;
    report(&mut maker, "x", json!([queued("n")])).await;
    let mut worker = fleet.backtests(0, "worker").await;
    worker
        .invoke("RegisterBacktests", json!([{"backtestIds": ["x"]}]))
        .await;
    let first = report(&mut worker, "x", json!([points(0, 5)])).await;
    drop(worker);
    let lost = next_named(&mut viewer, "BacktestFailed").await;
    assert_eq!(
        (&lost["code"], &lost["retryable"]),
        (&json!("worker_lost"), &json!(true))
    );
    let mut worker = fleet.backtests(0, "worker").await;
    let second = report(&mut worker, "x", json!([points(5, 5)])).await;
    assert_ne!(second["epoch"], first["epoch"]);
    let fresh = next_named(&mut viewer, "BacktestSnapshot").await;
    assert_eq!(fresh["epoch"], second["epoch"]);
    // Also for an instance that reads the new epoch only.
    let late = start(&fleet.redis);
    joined(&late).await;
    let mut late = connect(&late, "backtesthub", "late").await;
    for viewer in [&mut viewer, &mut late] {
        let asked = json!({"backtestId": "x"});
        let is_whole = |it: &Value| it["equity"].as_array().map(Vec::len) == Some(10);
        let snapshot = invoke_until(viewer, "GetBacktest", asked, is_whole).await;
        assert_eq!(
            (&snapshot["state"], &snapshot["bundleId"]),
            (&json!("running"), &json!("n"))
        );
    }
}
