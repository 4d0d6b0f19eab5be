//! Instances that die in the middle of reports and commands.

use super::*;

#[tokio::test]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_writer_is_killed() {
    let Some(mut fleet) = Fleet::start(3).await else {
        return;
    };
    let mut viewer = fleet.bots(2, "viewer").await;
    viewer.invoke("SubscribeBots", json!([{}])).await;
    let mut worker = fleet.bots(0, "worker").await;
    let registration = json!([{"botIds": ["b"]}]);
    worker.invoke("RegisterBots", registration.clone()).await;
    let mut beside = fleet.bots(1, "beside").await;
    let mut acknowledged = Vec::new();
    let mut epoch = Value::Null;
    for n in 0..40 {
        let reporter = if n % 2 == 0 { &mut worker } else { &mut beside };
        if n % 2 == 1 {
            // Another worker's connection may not report: a producer over HTTP may.
            let (event, json) = (
                trade(&format!("t{n}")).to_string(),
                ("Content-Type", "application/json"),
            );
            let there = &fleet.instances[1];
            let (status, receipt) =
                http::ask(there, "POST", "bots/b/events", &[json], &event).await;
            assert_eq!(status, 202, "{receipt}");
        } else {
            epoch = report(reporter, "b", json!([trade(&format!("t{n}"))])).await["epoch"].clone();
        }
        acknowledged.push(format!("t{n}"));
    }
    let begin = Instant::now();
    drop(fleet.instances.remove(0));
    drop(worker);

    let mut worker = fleet.bots(0, "worker").await;
    let registered = call_when_up(&mut worker, "RegisterBots", registration[0].clone()).await;
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(registered["bots"][0]["epoch"], epoch);
    assert_eq!(registered["bots"][0]["seq"], 40);
    let receipt = report(&mut worker, "b", json!([trade("after")])).await;
    assert_eq!(
        (&receipt["epoch"], &receipt["seqs"]),
        (&epoch, &json!([41]))
    );
    acknowledged.push("after".to_owned());
    // It may have met the bot in mid-history: a snapshot, then every event after it.
    let snapshot = next_named(&mut viewer, "BotSnapshot").await;
    let known = snapshot["seq"].as_u64().expect("a number") as usize;
    for seq in known + 1..=41 {
        let event = next_named(&mut viewer, "TradeEvent").await;
        assert_eq!(
            (&event["seq"], &event["tradeId"]),
            (&json!(seq), &json!(acknowledged[seq - 1]))
        );
    }
    assert_eq!(trades(&mut viewer, "b").await, acknowledged);
}

#[tokio::test]
async fn a_worker_elsewhere_stays_registered_when_the_writer_is_killed() {
    let Some(mut fleet) = Fleet::start(2).await else {
        return;
    };
    // Made at the first instance, worked for at the second.
    let mut maker = fleet.bots(0, "maker").await;
    report(&mut maker, "b", json!([trade("t1")])).await;
    let mut worker = fleet.bots(1, "worker").await;
    worker
        .invoke(
            "RegisterBots",
            json!([{"botIds": ["b"], "heartbeatMs": 60000}]),
        )
        .await;
    drop(fleet.instances.remove(0));
    let mut operator = fleet.bots(0, "ann").await;
    let answering = tokio::spawn(async move {
        let (id, _) = next_command(&mut worker).await;
        let answer = json!({"type": 3, "invocationId": id, "result": {"ok": true}});
        worker.send_message(&answer).await;
        worker
    });
    let outcome = invoke_until(
        &mut operator,
        "StartBot",
        json!({"botId": "b"}),
        |outcome| outcome["ok"] == true,
    );
    outcome.await;
    let mut worker = answering.await.expect("the worker works");
    let receipt = report(&mut worker, "b", json!([trade("t2")])).await;
    assert_eq!(
        receipt["seqs"],
        json!([3]),
        "after the trade and the result"
    );
}

#[tokio::test]
async fn a_command_is_answered_when_the_workers_instance_is_killed() {
    let Some(mut fleet) = Fleet::start(2).await else {
        return;
    };
    let mut maker = fleet.bots(0, "maker").await;
    report(&mut maker, "b", json!([trade("t1")])).await;
    let mut worker = fleet.bots(1, "worker").await;
    worker
        .invoke("RegisterBots", json!([{"botIds": ["b"]}]))
        .await;
    let mut operator = fleet.bots(0, "ann").await;
    operator
        .invoke("SubscribeBots", json!([{"botIds": ["b"]}]))
        .await;
    let asking = tokio::spawn(async move {
        let outcome = operator.invoke("StartBot", json!([{"botId": "b"}])).await;
        (operator, outcome)
    });
    next_command(&mut worker).await;
    drop(fleet.instances.remove(1));
    let (mut operator, outcome) = asking.await.expect("is answered");
    let code = outcome["code"].as_str().expect("it failed");
    assert!(["worker_gone", "timeout"].contains(&code), "{outcome}");
    let told = next_named(&mut operator, "CommandResult").await;
    assert_eq!(told["commandId"], outcome["commandId"]);
}

#[tokio::test]
async fn a_backtest_of_a_killed_instance_is_lost_10_s_after_its_worker() {
    let Some(mut fleet) = Fleet::start(2).await else {
        return;
    };
    let mut viewer = fleet.backtests(1, "viewer").await;
    viewer.invoke("SubscribeBacktests", json!([{}])).await;
    let mut worker = fleet.backtests(0, "worker").await;
    worker
        .invoke(
            "RegisterBacktests",
            json!([{"backtestIds": ["x", "queued"]}]),
        )
        .await;
    let started = json!([{"backtestId": "x", "events": [{"type": "BacktestStarted"}]}]);
    worker.invoke("ReportBacktestEvents", started).await;
    drop(fleet.instances.remove(0));
    let lost = next_named(&mut viewer, "BacktestFailed").await;
    assert_eq!(
        (&lost["backtestId"], &lost["code"]),
        (&json!("x"), &json!("worker_lost"))
    );
    let queued = viewer
        .invoke("GetBacktest", json!([{"backtestId": "queued"}]))
        .await;
    assert_eq!(queued["state"], "queued");
}
