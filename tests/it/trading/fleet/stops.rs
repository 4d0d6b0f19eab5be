//! Instances that are stopped in good order.

use super::*;

#[tokio::test]
async fn a_stopping_writer_hands_its_logs_over_without_a_gap() {
    let Some(mut fleet) = Fleet::start(2).await else {
        return;
    };
    // Made at the first instance, worked for and watched at the second.
    let mut maker = fleet.bots(0, "maker").await;
    report(&mut maker, "b", json!([trade("t0")])).await;
    let mut worker = fleet.bots(1, "worker").await;
    let registration = json!([{"botIds": ["b"], "heartbeatMs": 60_000}]);
    worker.invoke("RegisterBots", registration).await;
    let mut viewer = fleet.bots(1, "viewer").await;
    let watched = json!([{"botIds": ["b"]}]);
    let answer = viewer.invoke("SubscribeBots", watched).await;
    let snapshot = &answer["snapshots"][0];
    let epoch = snapshot["epoch"].clone();
    let mut seq = snapshot["seq"].as_u64().expect("a number");

    let stopping = fleet.instances.remove(0);
    let stopping = tokio::task::spawn_blocking(|| stopping.stop());
    let mut number = 0;
    let mut after_the_stop = 0;
    while after_the_stop < 20 {
        after_the_stop += usize::from(stopping.is_finished());
        number += 1;
        let key = format!("k{number}");
        let events = json!([trade(&format!("t{number}"))]);
        let report = json!({"botId": "b", "events": events, "idempotencyKey": key});
        let receipt = call_when_up(&mut worker, "ReportBotEvents", report).await;
        assert_eq!(receipt["epoch"], epoch, "the history goes on");
    }
    stopping.await.expect("it stopped");
    for number in 1..=number {
        let event = next_named(&mut viewer, "TradeEvent").await;
        assert_eq!(event["tradeId"], format!("t{number}"));
        seq += 1;
        assert_eq!((&event["seq"], &event["epoch"]), (&json!(seq), &epoch));
    }
    // Its worker is still the one that is asked.
    let mut operator = fleet.bots(0, "ann").await;
    let asking = tokio::spawn(async move {
        let which = json!({"botId": "b"});
        invoke_until(&mut operator, "StartBot", which, |it| it["ok"] == true).await
    });
    let (id, _) = next_command(&mut worker).await;
    let answer = json!({"type": 3, "invocationId": id, "result": {"ok": true}});
    worker.send_message(&answer).await;
    asking.await.expect("is answered");
}
