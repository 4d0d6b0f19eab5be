//! What thousands of bots cost.

use super::*;

#[test]
fn ten_thousand_bots_are_listed_and_subscribed_to_quickly() {
    let desk = desk();
    let ids: Vec<Id> = (0..10_000).map(|n| id(&format!("bot-{n}"))).collect();
    desk.bots
        .register(&id("w1"), &ids, None)
        .now()
        .expect("are registered");
    let start = std::time::Instant::now();
    assert_eq!(desk.bots.list().now().map(|bots| bots.len()), Ok(10_000));
    for trade_id in ["t1", "t2", "t3"] {
        desk.report("bot-7", vec![trade(trade_id)]);
    }
    let (snapshots, _) = desk.watch("v", &[], &Since::new());
    assert_eq!(snapshots.len(), 10_000);
    let of_seven = |snapshots: &[Value]| {
        let seven = snapshots.iter().find(|it| it["botId"] == "bot-7");
        seven.and_then(|it| it["lastTrades"].as_array().map(Vec::len))
    };
    assert_eq!(of_seven(&snapshots), Some(2), "among so many it is brief");
    let (alone, _) = desk.watch("v", &["bot-7"], &Since::new());
    assert_eq!(of_seven(&alone), Some(3));
    assert!(start.elapsed() < std::time::Duration::from_secs(2));
}

#[test]
fn many_bots_keep_no_more_history_together_than_there_is_room_for() {
    let desk = desk();
    let line = |text: &str| json!({"type": "LogLine", "level": "info", "message": text});
    let wordy = "x".repeat(5_000);
    let alert = json!({"type": "Alert", "severity": "info", "message": wordy});
    desk.report("quiet", vec![trade("t1"), line("once")]);
    for round in 0..30 {
        for bot in 0..50 {
            let trade = trade(&format!("t{round}"));
            desk.report(
                &format!("busy-{bot}"),
                vec![trade, alert.clone(), line(&wordy)],
            );
        }
    }
    let memory = desk.bots.live.memory.taken();
    assert!(memory < HISTORY + HISTORY / 10, "{memory} bytes are kept");
    let page = PageRequest::default();
    let lines = |bot: &str| desk.bots.logs(bot, &page).now().expect("a page").items;
    assert_eq!(lines("quiet").len(), 1, "who is quiet loses nothing");
    let newest_seq = lines("busy-7")[0].seq;
    assert_eq!(newest_seq, 60, "the newest stay");
    assert!(lines("busy-7").len() < 30, "the oldest went");
    let seen = |seq| {
        let epoch = desk.bots.live.get("busy-7").now().expect("is known").epoch;
        let epoch = epoch.as_str().to_owned();
        Since::from([("busy-7".to_owned(), Seen { epoch, seq })])
    };
    let (snapshots, _) = desk.watch("v", &["busy-7"], &seen(1));
    assert_eq!(snapshots.len(), 1, "what was missed is gone");
    let (snapshots, events) = desk.watch("v", &["busy-7"], &seen(59));
    assert_eq!((snapshots.len(), events.len()), (0, 1));
}
