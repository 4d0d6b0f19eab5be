//! Bots seen, reported and commanded on different instances.

use super::*;

#[tokio::test]
async fn a_viewer_elsewhere_follows_from_its_snapshot_and_returns_anywhere() {
    let Some(fleet) = Fleet::start(3).await else {
        return;
    };
    let mut everything = fleet.bots(1, "all").await;
    everything.invoke("SubscribeBots", json!([{}])).await;
    let mut worker = fleet.bots(0, "worker").await;
    worker
        .invoke("RegisterBots", json!([{"botIds": ["b"]}]))
        .await;
    let shown = next_named(&mut everything, "BotSnapshot").await;
    assert_eq!(
        (&shown["botId"], &shown["state"]),
        (&json!("b"), &json!("created"))
    );
    report(
        &mut worker,
        "b",
        json!([trade("t1"), {"type": "BotStatus", "state": "running", "name": "Bob"}]),
    )
    .await;

    let mut viewer = fleet.bots(2, "viewer").await;
    let flood = tokio::spawn(async move {
        for n in 2..=100 {
            report(&mut worker, "b", json!([trade(&format!("t{n}"))])).await;
        }
        worker
    });
    let answer = viewer
        .invoke("SubscribeBots", json!([{"botIds": ["b"]}]))
        .await;
    let snapshot = &answer["snapshots"][0];
    assert_eq!(snapshot["name"], "Bob");
    let mut seq = snapshot["seq"].as_u64().expect("a number");
    while seq < 101 {
        let (name, event) = next_event(&mut viewer).await;
        assert_eq!(
            (name.as_str(), event["seq"].as_u64()),
            ("TradeEvent", Some(seq + 1))
        );
        assert_eq!(event["epoch"], snapshot["epoch"]);
        seq += 1;
    }
    let _worker = flood.await.expect("the worker works");

    // The same numbers and the same history on every instance.
    for instance in 0..3 {
        let mut viewer = fleet.bots(instance, "again").await;
        let whole = json!({"botIds": ["b"]});
        invoke_until(&mut viewer, "GetBot", json!({"botId": "b"}), |bot| {
            bot["seq"] == 101
        })
        .await;
        let since = json!({"b": {"epoch": snapshot["epoch"], "seq": 99}});
        let back = json!([{"botIds": ["b"], "since": since}]);
        let answer = viewer.invoke("SubscribeBots", back).await;
        assert_eq!(answer["snapshots"], json!([]), "instance {instance}");
        assert_eq!(answer["events"][0]["seq"], 100);
        assert_eq!(answer["events"][1]["tradeId"], "t100");
        viewer.invoke("UnsubscribeBots", json!([whole])).await;
        assert_eq!(trades(&mut viewer, "b").await.len(), 100);
        let page = json!([{"botId": "b", "limit": 2}]);
        let first = viewer.invoke("GetTrades", page).await;
        let page = json!([{"botId": "b", "limit": 1, "cursor": first["nextCursor"]}]);
        let next = fleet
            .bots((instance + 1) % 3, "page")
            .await
            .invoke("GetTrades", page)
            .await;
        assert_eq!(
            next["items"][0]["tradeId"], "t98",
            "a cursor is good anywhere"
        );
    }
}

#[tokio::test]
async fn the_newest_registration_wins_on_whatever_instance_and_keeps_the_epoch() {
    let Some(fleet) = Fleet::start(3).await else {
        return;
    };
    let (mut old, mut new) = (fleet.bots(0, "old").await, fleet.bots(1, "new").await);
    let registration = json!([{"botIds": ["b"]}]);
    old.invoke("RegisterBots", registration.clone()).await;
    let first = report(&mut old, "b", json!([trade("t1")])).await;
    let registered = new.invoke("RegisterBots", registration.clone()).await;
    assert_eq!(registered["bots"][0]["epoch"], first["epoch"]);
    let refused = old
        .call(
            "ReportBotEvents",
            json!([{"botId": "b", "events": [trade("t2")]}]),
        )
        .await;
    assert_eq!(problem(&refused)["code"], "not_registered");
    let second = report(&mut new, "b", json!([trade("t2")])).await;
    assert_eq!(
        (&second["epoch"], &second["seqs"]),
        (&first["epoch"], &json!([2]))
    );

    // A command given on a third instance reaches the newest worker only.
    let mut operator = fleet.bots(2, "ann").await;
    operator
        .invoke("SubscribeBots", json!([{"botIds": ["b"]}]))
        .await;
    let asked = tokio::spawn(async move {
        let (id, asked) = next_command(&mut new).await;
        let answer = json!({"type": 3, "invocationId": id, "result": {"ok": true}});
        new.send_message(&answer).await;
        (new, asked)
    });
    let outcome = operator
        .invoke("StopBot", json!([{"botId": "b", "mode": "finishTrades"}]))
        .await;
    assert_eq!(outcome["ok"], true, "{outcome}");
    let (new, asked) = asked.await.expect("the worker works");
    assert_eq!(asked["arguments"], json!({"mode": "finishTrades"}));
    let told = next_named(&mut operator, "CommandResult").await;
    assert_eq!(
        (&told["commandId"], &told["by"]),
        (&outcome["commandId"], &json!("ann"))
    );

    // With the newest gone nobody is registered, and the older has to register again.
    drop(new);
    let gone = |outcome: &Value| outcome["code"] == "worker_gone";
    invoke_until(&mut operator, "StartBot", json!({"botId": "b"}), gone).await;
    let refused = old
        .call("ReportBotEvents", json!([{"botId": "b", "events": []}]))
        .await;
    assert_eq!(problem(&refused)["code"], "not_registered");
    old.invoke("RegisterBots", registration).await;
    let third = report(&mut old, "b", json!([trade("t3")])).await;
    assert_eq!(third["epoch"], first["epoch"]);
}

#[tokio::test]
async fn a_removed_bot_is_gone_everywhere_and_may_be_made_anew_anywhere() {
    let Some(fleet) = Fleet::start(3).await else {
        return;
    };
    let mut worker = fleet.bots(0, "worker").await;
    let registration = json!([{"botIds": ["b"]}]);
    worker.invoke("RegisterBots", registration.clone()).await;
    let first = report(&mut worker, "b", json!([trade("t1")])).await;
    let mut viewers = Vec::new();
    for instance in 0..3 {
        let mut viewer = fleet.bots(instance, "viewer").await;
        invoke_until(&mut viewer, "GetBot", json!({"botId": "b"}), |bot| {
            bot["seq"] == 1
        })
        .await;
        viewer.invoke("SubscribeBots", json!([{}])).await;
        viewers.push(viewer);
    }
    let (status, _) = http::ask(&fleet.instances[2], "DELETE", "bots/b", &[], "").await;
    assert_eq!(status, 204);
    for viewer in &mut viewers {
        let removed = next_named(viewer, "BotRemoved").await;
        assert_eq!(
            (&removed["botId"], &removed["seq"]),
            (&json!("b"), &json!(2))
        );
    }
    let refused = worker
        .call(
            "ReportBotEvents",
            json!([{"botId": "b", "events": [trade("t2")]}]),
        )
        .await;
    assert_eq!(problem(&refused)["code"], "not_registered");
    for viewer in &mut viewers {
        let gone = viewer.call("GetBot", json!([{"botId": "b"}])).await;
        assert_eq!(problem(&gone)["code"], "not_found");
        assert_eq!(viewer.invoke("ListBots", json!([])).await, json!([]));
    }

    let mut elsewhere = fleet.bots(1, "worker").await;
    elsewhere.invoke("RegisterBots", registration).await;
    let again = report(&mut elsewhere, "b", json!([trade("t3")])).await;
    assert_ne!(again["epoch"], first["epoch"]);
    for viewer in &mut viewers {
        assert_eq!(shown(viewer, "t3").await, 1, "of a new history");
        let bot = viewer.invoke("GetBot", json!([{"botId": "b"}])).await;
        assert_eq!(bot["epoch"], again["epoch"], "{bot}");
    }
}

#[tokio::test]
async fn conflated_values_reach_viewers_elsewhere_the_latest_last_and_newcomers_too() {
    let Some(fleet) = Fleet::start(2).await else {
        return;
    };
    let mut worker = fleet.bots(0, "worker").await;
    worker
        .invoke("RegisterBots", json!([{"botIds": ["b"]}]))
        .await;
    let mut viewer = fleet.bots(1, "viewer").await;
    viewer
        .invoke("SubscribeBots", json!([{"botIds": ["b"]}]))
        .await;
    for total in 1..=100 {
        let values = json!([
            {"type": "PnlUpdated", "total": total, "currency": "USDT"},
            {"type": "BalanceChanged", "currency": "USDT", "free": total, "total": total},
        ]);
        report(&mut worker, "b", values).await;
    }
    let mut last = 0.0;
    while last < 100.0 {
        // The snapshot is of an instance that met the bot in mid-history.
        let (name, event) = next_of(&mut viewer, &["PnlUpdated", "BotSnapshot"]).await;
        let is_event = name == "PnlUpdated";
        let values = if is_event { &event } else { &event["pnl"] };
        let total = values["total"].as_f64().unwrap_or(0.0);
        assert!(total > last || !is_event, "{total} after {last}");
        last = total;
    }
    let is_latest =
        |bot: &Value| bot["pnl"]["total"] == 100.0 && bot["balances"][0]["free"] == 100.0;
    invoke_until(&mut viewer, "GetBot", json!({"botId": "b"}), is_latest).await;

    // An instance that starts later has them from the store.
    let late = start(&fleet.redis);
    joined(&late).await;
    let mut viewer = connect(&late, "bothub", "late").await;
    let answer = viewer.invoke("SubscribeBots", json!([{}])).await;
    assert!(is_latest(&answer["snapshots"][0]), "{answer}");
}

#[tokio::test]
async fn log_lines_have_the_same_pages_everywhere_and_a_silent_bot_is_stale_everywhere() {
    let Some(fleet) = Fleet::start(2).await else {
        return;
    };
    let mut viewer = fleet.bots(1, "viewer").await;
    viewer.invoke("SubscribeBots", json!([{}])).await;
    let mut worker = fleet.bots(0, "worker").await;
    worker
        .invoke(
            "RegisterBots",
            json!([{"botIds": ["b"], "heartbeatMs": 1000}]),
        )
        .await;
    // Lossy events are not kept for an instance that does not follow yet.
    next_named(&mut viewer, "BotSnapshot").await;
    let lines: Vec<Value> = (1..=80)
        .map(|n| json!({"type": "LogLine", "level": "info", "message": format!("line {n}")}))
        .collect();
    report(&mut worker, "b", json!(lines)).await;
    assert_eq!(
        next_named(&mut viewer, "LogLine").await["message"],
        "line 1"
    );
    let page = json!([{"botId": "b", "limit": 100}]);
    let there = viewer.invoke("GetLogs", page.clone()).await;
    assert_eq!(there, worker.invoke("GetLogs", page).await);
    assert_eq!(there["items"].as_array().map(Vec::len), Some(80));

    let stale = next_named(&mut viewer, "BotStatus").await;
    assert_eq!(
        (&stale["state"], &stale["lastState"]),
        (&json!("stale"), &json!("created"))
    );
    worker
        .invoke("Heartbeat", json!([{"botId": "b", "cpu": 0.5}]))
        .await;
    assert_eq!(
        next_named(&mut viewer, "BotStatus").await["state"],
        "created"
    );
    assert_eq!(next_named(&mut viewer, "BotHeartbeat").await["cpu"], 0.5);
}
