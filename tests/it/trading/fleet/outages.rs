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
    invoke_until(&mut near, "GetBot", json!({"botId": "b"}), |bot| {
        bot["seq"] == 4
    })
    .await;
}

#[tokio::test]
async fn what_is_new_works_without_redis_and_is_everywhere_when_redis_comes() {
    let Some(mut redis) = RedisServer::absent(&[]) else {
        return;
    };
    let alone = start(&redis);
    let (mut everything, mut viewer) = (
        connect(&alone, "bothub", "all").await,
        connect(&alone, "bothub", "viewer").await,
    );
    call_when_up(&mut everything, "SubscribeBots", json!({})).await;
    let mut worker = connect(&alone, "bothub", "worker").await;
    let registered = worker
        .invoke("RegisterBots", json!([{"botIds": ["b"]}]))
        .await;
    let epoch = &registered["bots"][0]["epoch"];
    assert_eq!(
        next_named(&mut everything, "BotSnapshot").await["epoch"],
        *epoch
    );
    let once = json!([{"botId": "b", "events": [trade("t1")], "idempotencyKey": "k"}]);
    for _ in 0..2 {
        let receipt = worker.invoke("ReportBotEvents", once.clone()).await;
        assert_eq!(
            (&receipt["epoch"], &receipt["seqs"]),
            (epoch, &json!([1])),
            "the second time it is known"
        );
    }
    let answer = viewer
        .invoke("SubscribeBots", json!([{"botIds": ["b"]}]))
        .await;
    assert_eq!(answer["snapshots"][0]["seq"], 1);
    report(&mut worker, "b", json!([trade("t2")])).await;
    for client in [&mut viewer, &mut everything] {
        while next_named(client, "TradeEvent").await["tradeId"] != "t2" {}
    }
    commanded(&mut worker, viewer, "b").await;

    let mut tests = connect(&alone, "backtesthub", "worker").await;
    tests
        .invoke("RegisterBacktests", json!([{"backtestIds": ["x"]}]))
        .await;
    let started = json!([{"backtestId": "x", "events": [{"type": "BacktestStarted"}]}]);
    tests.invoke("ReportBacktestEvents", started).await;

    redis.restart().await;
    let other = start(&redis);
    joined(&other).await;
    let mut far = connect(&other, "bothub", "far").await;
    let bot = found(&mut far, "GetBot", json!({"botId": "b"})).await;
    assert_eq!((&bot["epoch"], &bot["seq"]), (epoch, &json!(3)));
    assert_eq!(trades(&mut far, "b").await, ["t1", "t2"]);
    let again = worker.invoke("ReportBotEvents", once).await;
    assert_eq!((&again["epoch"], &again["seqs"]), (epoch, &json!([1])));
    commanded(&mut worker, far, "b").await;
    let mut far = connect(&other, "backtesthub", "far").await;
    let test = found(&mut far, "GetBacktest", json!({"backtestId": "x"})).await;
    assert_eq!(test["state"], "running");
}

/// A bot that two instances make while Redis is away.
struct Twice {
    bot: &'static str,
    viewers: [HubClient; 2],
    workers: [HubClient; 2],
    epochs: [Value; 2],
    /// Where it was made last.
    newest: usize,
}

impl Twice {
    async fn make(fleet: &Fleet, bot: &'static str, newest: usize) -> Self {
        let mut made = Self {
            bot,
            viewers: [fleet.bots(0, "v0").await, fleet.bots(1, "v1").await],
            workers: [fleet.bots(0, "w0").await, fleet.bots(1, "w1").await],
            epochs: [Value::Null, Value::Null],
            newest,
        };
        for at in [1 - newest, newest] {
            let wanted = json!([{"botIds": [bot]}]);
            made.viewers[at]
                .invoke("SubscribeBots", wanted.clone())
                .await;
            let registered = made.workers[at].invoke("RegisterBots", wanted).await;
            made.epochs[at] = registered["bots"][0]["epoch"].clone();
            let event = trade(&format!("t{at}"));
            let receipt = report(&mut made.workers[at], bot, json!([event])).await;
            assert_eq!(receipt["seqs"], json!([1]), "each instance has its own");
            next_named(&mut made.viewers[at], "TradeEvent").await;
        }
        assert_ne!(made.epochs[0], made.epochs[1]);
        made
    }

    /// Waits until both instances serve the same; answers where that was made.
    async fn is_one(&mut self, fleet: &Fleet) -> usize {
        let (mut one, mut other) = (fleet.bots(0, "a").await, fleet.bots(1, "b").await);
        let which = json!({"botId": self.bot});
        let begin = Instant::now();
        let epoch = loop {
            let here = call_when_up(&mut one, "GetBot", which.clone()).await;
            let there = call_when_up(&mut other, "GetBot", which.clone()).await;
            if here["epoch"] == there["epoch"] {
                break here["epoch"].clone();
            }
            assert!(begin.elapsed() < LIMIT, "{} is still two", self.bot);
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let known = self.epochs.iter().position(|it| *it == epoch);
        let writer = known.expect("one of the two");
        for client in [&mut one, &mut other] {
            assert_eq!(trades(client, self.bot).await, [format!("t{writer}")]);
        }
        writer
    }
}

#[tokio::test]
async fn of_two_made_without_redis_one_stays_and_the_newest_worker_is_commanded() {
    let Some(mut fleet) = Fleet::start(2).await else {
        return;
    };
    fleet.redis.kill();
    for instance in &fleet.instances {
        until("the outage", async || {
            instance.get("/health/ready").1.contains("\"unreachable\"")
        })
        .await;
    }
    let mut made = [
        Twice::make(&fleet, "b", 0).await,
        Twice::make(&fleet, "c", 1).await,
    ];
    fleet.redis.restart().await;
    for twice in &mut made {
        let writer = twice.is_one(&fleet).await;
        let shown = next_named(&mut twice.viewers[1 - writer], "BotSnapshot").await;
        assert_eq!(shown["epoch"], twice.epochs[writer]);
        // The writer is told of a worker elsewhere a moment later.
        for at in 0..2 {
            let operator = fleet.bots(at, "ann").await;
            commanded(&mut twice.workers[twice.newest], operator, twice.bot).await;
        }
        let other = json!([{"botId": twice.bot, "events": [trade("late")]}]);
        let worker = &mut twice.workers[1 - twice.newest];
        let refused = worker.call("ReportBotEvents", other).await;
        assert_eq!(problem(&refused)["code"], "not_registered");
        for viewer in &mut twice.viewers {
            let result = next_named(viewer, "CommandResult").await;
            assert_eq!(result["epoch"], twice.epochs[writer]);
        }
    }
}

/// Asks until it is known.
async fn found(client: &mut HubClient, target: &str, which: Value) -> Value {
    let begin = Instant::now();
    loop {
        let completion = client.call(target, json!([which])).await;
        if completion.get("error").is_none() {
            return completion["result"].clone();
        }
        let problem = problem(&completion);
        let is_soon = ["store_unavailable", "not_found"]
            .contains(&problem["code"].as_str().unwrap_or_default());
        assert!(is_soon && begin.elapsed() < LIMIT, "{problem}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts a bot until its worker, which answers, is the one that is asked.
async fn commanded(worker: &mut HubClient, mut operator: HubClient, bot: &str) -> HubClient {
    let which = json!({"botId": bot});
    let asking = invoke_until(&mut operator, "StartBot", which, |it| it["ok"] == true);
    let answering = async {
        loop {
            let (id, _) = next_command(worker).await;
            let answer = json!({"type": 3, "invocationId": id, "result": {"ok": true}});
            worker.send_message(&answer).await;
        }
    };
    tokio::select! {
        _ = asking => {}
        () = answering => {}
    }
    operator
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
