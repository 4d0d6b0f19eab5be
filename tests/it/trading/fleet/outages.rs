//! A Redis that is away, or comes back empty.

use super::*;

#[tokio::test]
async fn the_writer_goes_on_without_redis_and_the_others_get_what_they_missed() {
    let Some(mut fleet) = Fleet::start(2).await else {
        return;
    };
    let mut worker = fleet.bots(0, "worker").await;
    worker
        .invoke("RegisterBots", json!([{"botIds": ["b"]}]))
        .await;
    report(&mut worker, "b", json!([trade("t1")])).await;
    let (mut near, mut far) = (fleet.bots(0, "near").await, fleet.bots(1, "far").await);
    for viewer in [&mut near, &mut far] {
        invoke_until(viewer, "GetBot", json!({"botId": "b"}), |bot| {
            bot["seq"] == 1
        })
        .await;
        viewer
            .invoke("SubscribeBots", json!([{"botIds": ["b"]}]))
            .await;
    }
    // All that it held is gone with it.
    fleet.redis.kill();
    let receipt = report(&mut worker, "b", json!([trade("t2"), trade("t3")])).await;
    assert_eq!(receipt["seqs"], json!([2, 3]));
    for seq in 2..=3 {
        assert_eq!(next_named(&mut near, "TradeEvent").await["seq"], seq);
    }
    let unknown = far
        .call(
            "ReportBotEvents",
            json!([{"botId": "new", "events": [trade("t")]}]),
        )
        .await;
    assert_eq!(problem(&unknown)["code"], "store_unavailable");
    let unknown = far.call("GetBot", json!([{"botId": "new"}])).await;
    assert_eq!(problem(&unknown)["code"], "store_unavailable");

    fleet.redis.restart().await;
    let mut seen = 1;
    while seen < 3 {
        let event = next_named(&mut far, "TradeEvent").await;
        seen += 1;
        assert_eq!(
            (&event["seq"], &event["epoch"]),
            (&json!(seen), &receipt["epoch"])
        );
    }
    let receipt = report(&mut worker, "b", json!([trade("t4")])).await;
    assert_eq!(receipt["seqs"], json!([4]));
    assert_eq!(next_named(&mut far, "TradeEvent").await["tradeId"], "t4");
    let made = json!({"botId": "new", "events": [trade("t")]});
    call_when_up(&mut far, "ReportBotEvents", made).await;
    invoke_until(&mut near, "GetBot", json!({"botId": "b"}), |bot| {
        bot["seq"] == 4
    })
    .await;
}

#[tokio::test]
async fn a_frozen_writer_is_a_clear_error_in_bounded_time() {
    let Some(fleet) = Fleet::start(2).await else {
        return;
    };
    let mut worker = fleet.bots(0, "worker").await;
    report(&mut worker, "b", json!([trade("t1")])).await;
    let mut far = fleet.bots(1, "far").await;
    invoke_until(&mut far, "GetBot", json!({"botId": "b"}), |bot| {
        bot["seq"] == 1
    })
    .await;
    fleet.instances[0].signal("STOP");
    let begin = Instant::now();
    let refused = far
        .call(
            "ReportBotEvents",
            json!([{"botId": "b", "events": [trade("t2")]}]),
        )
        .await;
    // Frozen for longer than the living are believed to live: another goes on in its place.
    let elapsed = begin.elapsed();
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
    assert_eq!(problem(&refused)["code"], "store_unavailable");
    let again = json!({"botId": "b", "events": [trade("t3")]});
    let receipt = call_when_up(&mut far, "ReportBotEvents", again).await;
    assert_eq!(receipt["seqs"], json!([2]));
    // Thawed, it takes what the other wrote for what counts.
    fleet.instances[0].signal("CONT");
    let mut near = fleet.bots(0, "near").await;
    invoke_until(&mut near, "GetBot", json!({"botId": "b"}), |bot| {
        bot["seq"] == 2
    })
    .await;
    assert_eq!(trades(&mut near, "b").await, ["t1", "t3"]);
    let receipt = report(&mut near, "b", json!([trade("t4")])).await;
    assert_eq!(receipt["seqs"], json!([3]));
}
