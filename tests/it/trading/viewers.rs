//! Viewers that are slow, or stop altogether.

use super::*;
use crate::support::turn;

#[tokio::test]
async fn a_viewer_that_stops_reading_costs_the_others_nothing() {
    let _turn = turn::alone();
    let program = Program::start(&DEVELOPMENT);
    let mut stalled = connect(&program, "bothub", "stalled").await;
    let mut viewer = connect(&program, "bothub", "viewer").await;
    for client in [&mut stalled, &mut viewer] {
        client.invoke("SubscribeBots", json!([{}])).await;
    }
    let _stalled = stalled.stop_reading().await;
    let mut worker = connect(&program, "bothub", "worker").await;
    // Twice of what may wait for one connection, besides what the sockets hold.
    let wordy = "x".repeat(50_000);
    for number in 1..=400 {
        let event = json!({"type": "Alert", "severity": "info", "message": wordy});
        let report = json!([{"botId": "b", "events": [event]}]);
        let receipt = worker.invoke("ReportBotEvents", report).await;
        assert_eq!(receipt["seqs"], json!([number]));
        let alert = viewer.next_call("Alert").await;
        assert_eq!(alert[0]["seq"], number, "at once, though one does not read");
    }
    let begin = std::time::Instant::now();
    while program
        .get("/api/v1/connections?user=stalled")
        .1
        .contains("\"connectionId\"")
    {
        assert!(begin.elapsed().as_secs() < 60, "it is never cut off");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn very_many_bots_come_in_one_answer_and_events_follow() {
    let program = Program::start(&DEVELOPMENT);
    let mut worker = connect(&program, "bothub", "worker").await;
    let ids: Vec<String> = (0..3_000).map(|number| format!("bot-{number}")).collect();
    worker
        .invoke("RegisterBots", json!([{"botIds": ids}]))
        .await;
    for number in 1..=3 {
        let report = json!([{"botId": "bot-7", "events": [trade(&format!("t{number}"))]}]);
        worker.invoke("ReportBotEvents", report).await;
    }
    let mut viewer = connect(&program, "bothub", "viewer").await;
    let answer = viewer.invoke("SubscribeBots", json!([{}])).await;
    let snapshots = answer["snapshots"].as_array().expect("an array");
    assert_eq!(snapshots.len(), 3_000);
    let seven = snapshots.iter().find(|it| it["botId"] == "bot-7");
    let trades = |bot: &Value| bot["lastTrades"].as_array().map(Vec::len);
    assert_eq!(seven.and_then(trades), Some(2), "brief among so many");
    let alone = viewer.invoke("GetBot", json!([{"botId": "bot-7"}])).await;
    assert_eq!(trades(&alone), Some(3));
    // Events follow from there.
    let report = json!([{"botId": "bot-7", "events": [trade("t4")]}]);
    worker.invoke("ReportBotEvents", report).await;
    assert_eq!(viewer.next_call("TradeEvent").await[0]["seq"], 4);
}
