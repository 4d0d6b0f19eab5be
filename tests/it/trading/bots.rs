//! The bot hub.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_viewer_follows_from_its_snapshot_without_hole_or_double() {
    let program = Program::start(&DEVELOPMENT);
    let mut worker = connect(&program, "bothub", "worker").await;
    let mut viewer = connect(&program, "bothub", "viewer").await;
    worker
        .invoke("RegisterBots", json!([{"botIds": ["b"]}]))
        .await;
    let flood = tokio::spawn(async move {
        for n in 1..=200 {
            let report = json!([{"botId": "b", "events": [trade(&format!("t{n}"))]}]);
            let receipt = worker.invoke("ReportBotEvents", report).await;
            assert_eq!(receipt["seqs"], json!([n]));
        }
        worker
    });
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    let answer = viewer.invoke("SubscribeBots", json!([{}])).await;
    let snapshot = &answer["snapshots"][0];
    let mut seq = snapshot["seq"].as_u64().expect("a number");
    while seq < 200 {
        let (name, event) = next_event(&mut viewer).await;
        assert_eq!(
            (name.as_str(), event["seq"].as_u64()),
            ("TradeEvent", Some(seq + 1))
        );
        assert_eq!(event["epoch"], snapshot["epoch"]);
        seq += 1;
    }
    let mut worker = flood.await.expect("the worker works");

    let since =
        json!([{"botIds": ["b"], "since": {"b": {"epoch": snapshot["epoch"], "seq": 198}}}]);
    let answer = viewer.invoke("SubscribeBots", since).await;
    assert_eq!(answer["snapshots"], json!([]));
    assert_eq!(answer["events"][1]["seq"], 200);
    assert_eq!(answer["events"][1]["type"], "TradeEvent");

    let page = json!([{"botId": "b", "limit": 3}]);
    let trades = viewer.invoke("GetTrades", page).await;
    assert_eq!(trades["items"][0]["tradeId"], "t200");
    let page = json!([{"botId": "b", "limit": 1, "cursor": trades["nextCursor"]}]);
    let trades = viewer.invoke("GetTrades", page).await;
    assert_eq!(trades["items"][0]["tradeId"], "t197");
    let list = viewer.invoke("ListBots", json!([])).await;
    assert_eq!(list[0]["seq"], 200);
    assert!(list[0]["positions"].is_null());

    let bad = json!([{"botId": "b", "events": [trade("t"), {"type": "Nonsense"}]}]);
    let refused = worker.call("ReportBotEvents", bad).await;
    assert_eq!(problem(&refused)["code"], "invalid_request");
    let unknown = viewer.call("GetBot", json!([{"botId": "x"}])).await;
    assert_eq!(problem(&unknown)["code"], "not_found");
}

#[tokio::test]
async fn commands_reach_the_newest_worker_and_are_always_answered() {
    let program = Program::start(&DEVELOPMENT);
    let mut old = connect(&program, "bothub", "old").await;
    let mut worker = connect(&program, "bothub", "worker").await;
    let mut operator = connect(&program, "bothub", "ann").await;
    let registration = json!([{"botIds": ["b"]}]);
    old.invoke("RegisterBots", registration.clone()).await;
    worker.invoke("RegisterBots", registration).await;
    let report = json!([{"botId": "b", "events": []}]);
    let refused = old.call("ReportBotEvents", report).await;
    assert_eq!(problem(&refused)["code"], "not_registered");
    operator
        .invoke("SubscribeBots", json!([{"botIds": ["b"]}]))
        .await;

    let answering = tokio::spawn(async move {
        let (id, asked) = next_command(&mut worker).await;
        assert_eq!(asked["command"], "stop");
        assert_eq!(asked["arguments"], json!({"mode": "now"}));
        let refusal = json!({"ok": false, "code": "market_closed", "message": "later"});
        let answer = json!({"type": 3, "invocationId": id, "result": refusal});
        worker.send_message(&answer).await;
        let (id, _) = next_command(&mut worker).await;
        let answer = json!({"type": 3, "invocationId": id, "error": "boom"});
        worker.send_message(&answer).await;
        // The next command is not answered: the worker leaves instead.
        next_command(&mut worker).await;
    });
    let stop = json!([{"botId": "b", "mode": "now"}]);
    let outcome = operator.invoke("StopBot", stop).await;
    assert_eq!(
        (&outcome["ok"], &outcome["code"]),
        (&json!(false), &json!("market_closed"))
    );
    let told = operator.next_call("CommandResult").await;
    assert_eq!(told[0]["commandId"], outcome["commandId"]);
    assert_eq!(told[0]["by"], "ann");
    for code in ["worker_failed", "worker_gone", "worker_gone"] {
        let outcome = operator.invoke("StartBot", json!([{"botId": "b"}])).await;
        assert_eq!(outcome["code"], code, "{outcome}");
    }
    answering.await.expect("the worker works");
    let bad = operator
        .call("StopBot", json!([{"botId": "b", "mode": "later"}]))
        .await;
    assert_eq!(problem(&bad)["code"], "invalid_request");
}

#[tokio::test]
async fn a_silent_bot_is_shown_as_stale() {
    let program = Program::start(&DEVELOPMENT);
    let mut worker = connect(&program, "bothub", "worker").await;
    let registration = json!([{"botIds": ["b"], "heartbeatMs": 200}]);
    worker.invoke("SubscribeBots", json!([{}])).await;
    worker.invoke("RegisterBots", registration).await;
    let stale = worker.next_call("BotStatus").await;
    assert_eq!(stale[0]["state"], "stale");
    assert_eq!(stale[0]["lastState"], "created");
    worker
        .invoke("Heartbeat", json!([{"botId": "b", "cpu": 0.5}]))
        .await;
    let restored = worker.next_call("BotStatus").await;
    assert_eq!(restored[0]["state"], "created");
    let heartbeat = worker.next_call("BotHeartbeat").await;
    assert_eq!(heartbeat[0]["cpu"], 0.5);
}
