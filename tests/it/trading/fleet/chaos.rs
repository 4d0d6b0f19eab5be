//! Seeded stories of bots on a fleet of three, while workers are cut off, instances are killed or
//! stopped, and Redis is killed and restarted. Whatever was acknowledged is there, once; every
//! command is answered; and no viewer sees a hole or a double.
//!
//! `CHAOS_SEED=7` replays one seed; `SOAK=1` runs 400 stories instead of 8.

use std::collections::HashSet;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::{Mutex, RwLock};
use tokio::time::{sleep, timeout};

use super::line::{Gone, Line};
use super::*;

/// Stories that run side by side under one seed.
const STORIES: usize = 8;
/// Trades of one story.
const TRADES: usize = 60;
/// Longer than the outages of one seed together.
const STORY: Duration = Duration::from_secs(120);
/// An operator waits no longer than this for a command's outcome: its limit, and looking for a
/// writer before.
const COMMAND: Duration = Duration::from_secs(30);

struct World {
    instances: RwLock<Vec<Program>>,
    redis: Mutex<RedisServer>,
}

/// What one viewer has been shown of one bot.
#[derive(Default)]
struct View {
    epoch: Value,
    seq: u64,
    /// Of the epoch, the trades that came as events.
    trades: HashSet<String>,
}

impl View {
    fn take_snapshot(&mut self, snapshot: &Value) {
        let seq = snapshot["seq"].as_u64().expect("a number");
        if self.epoch == snapshot["epoch"] {
            assert!(seq >= self.seq, "an older snapshot: {snapshot}");
        } else {
            self.trades.clear();
        }
        (self.epoch, self.seq) = (snapshot["epoch"].clone(), seq);
    }

    /// An event that came, or that was told as missed.
    fn take(&mut self, name: &Value, event: &Value) {
        let seq = event["seq"].as_u64().expect("a number");
        assert_eq!(self.epoch, event["epoch"], "an epoch without a snapshot");
        let durable = ["BotStatus", "TradeEvent", "CommandResult"];
        if durable.iter().any(|durable| name == durable) {
            assert_eq!(seq, self.seq + 1, "a hole or a double: {event}");
            self.seq = seq;
        }
        if name == "TradeEvent" {
            let trade = event["tradeId"].as_str().expect("an id").to_owned();
            assert!(self.trades.insert(trade), "twice in one epoch: {event}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_what_was_acknowledged_is_there_once_and_commands_are_answered() {
    let seeds: Vec<u64> = match std::env::var("CHAOS_SEED") {
        Ok(seed) => vec![seed.parse().expect("CHAOS_SEED is a number")],
        Err(_) => {
            let first = rand::random_range(0..1_000_000);
            let is_long = std::env::var_os("SOAK").is_some();
            (first..first + if is_long { 50 } else { 1 }).collect()
        }
    };
    for seed in seeds {
        println!("CHAOS_SEED={seed}");
        if !run_seed(seed).await {
            return;
        }
    }
}

/// False: there is no Redis here.
async fn run_seed(seed: u64) -> bool {
    let _turn = crate::support::turn::alone();
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let Some(redis) = RedisServer::start(&options).await else {
        return false;
    };
    let world = Arc::new(World {
        instances: RwLock::default(),
        redis: Mutex::new(redis),
    });
    for _ in 0..3 {
        world.add_instance().await;
    }
    let stories = (0..STORIES).map(|number| {
        let (world, random) = (
            world.clone(),
            StdRng::seed_from_u64(seed * 1_000 + number as u64),
        );
        tokio::spawn(async move {
            let bot = format!("bot-{number}");
            let story = tell(&world, &bot, random);
            timeout(STORY, story).await.expect("a story ends")
        })
    });
    let stories: Vec<_> = stories.collect();
    let breaking = break_things(&world, StdRng::seed_from_u64(seed));
    timeout(STORY, breaking).await.expect("breaking ends");
    for story in stories {
        story
            .await
            .unwrap_or_else(|error| panic!("CHAOS_SEED={seed}: {error}"));
    }
    true
}

impl World {
    async fn add_instance(&self) {
        let instance = start(&*self.redis.lock().await);
        joined(&instance).await;
        self.instances.write().await.push(instance);
    }

    /// A connection to some instance that lives.
    async fn line(&self, user: &str, random: &mut StdRng) -> Line {
        let instances = self.instances.read().await;
        let instance = &instances[random.random_range(0..instances.len())];
        Line::new(connect(instance, "bothub", user).await)
    }
}

async fn break_things(world: &World, mut random: StdRng) {
    for round in 0..3 {
        sleep(Duration::from_millis(random.random_range(200..1_200))).await;
        match random.random_range(0..3) {
            0 => {
                let mut redis = world.redis.lock().await;
                redis.kill();
                sleep(Duration::from_millis(random.random_range(50..1_500))).await;
                redis.restart().await;
                drop(redis);
                caught_up(world, round).await;
            }
            how => {
                let mut instances = world.instances.write().await;
                let index = random.random_range(0..instances.len());
                let instance = instances.swap_remove(index);
                drop(instances);
                match how {
                    1 => drop(instance),
                    _ => drop(tokio::task::spawn_blocking(|| instance.stop()).await),
                }
                world.add_instance().await;
            }
        }
    }
}

/// Waits until Redis has what the instances acknowledged while it was away: an instance that dies
/// before that takes it along. A report that comes afterwards is stored after what waits, and then
/// another instance knows of it.
async fn caught_up(world: &World, round: usize) {
    let instances = world.instances.read().await;
    for (number, instance) in instances.iter().enumerate() {
        joined(instance).await;
        let bot = format!("marker-{round}-{number}");
        let mut here = connect(instance, "bothub", "marker").await;
        let marker = json!({"botId": bot, "events": [trade("marker")]});
        call_when_up(&mut here, "ReportBotEvents", marker).await;
        let other = &instances[(number + 1) % instances.len()];
        joined(other).await;
        let mut there = connect(other, "bothub", "marker").await;
        let begin = Instant::now();
        while there.call("GetBot", json!([{"botId": bot}])).await["result"]["seq"] != 1 {
            assert!(
                begin.elapsed() < LIMIT,
                "{bot} is known to one instance only"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// One bot: a worker that reports, an operator who asks, a viewer who watches.
async fn tell(world: &World, bot: &str, mut random: StdRng) {
    let mut worker = register(world, bot, &mut random).await;
    let mut operator = world.line("operator", &mut random).await;
    let mut viewer = None;
    let mut view = View::default();
    for number in 0..TRADES {
        let events = json!([trade(&format!("t{number}"))]);
        let report =
            json!({"botId": bot, "events": events, "idempotencyKey": format!("k{number}")});
        while !reported(&mut worker, &report).await {
            sleep(Duration::from_millis(50)).await;
            worker = register(world, bot, &mut random).await;
        }
        if random.random_bool(0.05) {
            // Cut off without a word.
            worker = register(world, bot, &mut random).await;
        }
        if random.random_bool(0.1) {
            command(world, bot, &mut operator, &mut worker, &mut random).await;
        }
        if random.random_bool(0.3) {
            watch(world, bot, &mut viewer, &mut view, &mut random).await;
        }
    }
    // Whatever it missed is told when it comes anew.
    viewer = None;
    watch(world, bot, &mut viewer, &mut view, &mut random).await;
    check(world, bot, &mut random).await;
}

/// The worker's connection; a worker registers after every reconnect.
async fn register(world: &World, bot: &str, random: &mut StdRng) -> Line {
    let registration = json!({"botIds": [bot], "heartbeatMs": 60_000});
    loop {
        let mut line = world.line("worker", random).await;
        match line.call("RegisterBots", &registration).await {
            Ok(completion) if completion.get("error").is_none() => return line,
            Ok(completion) => assert_unavailable(&completion),
            Err(Gone) => {}
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Whether the report was acknowledged. One that was not may have been taken: it is sent again.
async fn reported(worker: &mut Line, report: &Value) -> bool {
    match worker.call("ReportBotEvents", report).await {
        Ok(completion) if completion.get("error").is_none() => worker.agree().await.is_ok(),
        Ok(completion) => {
            let code = problem(&completion)["code"].clone();
            let known = ["store_unavailable", "not_registered"];
            assert!(known.iter().any(|known| code == *known), "{completion}");
            false
        }
        Err(Gone) => false,
    }
}

/// Asks for something, and is answered in time, whatever happens to the worker meanwhile.
async fn command(
    world: &World,
    bot: &str,
    operator: &mut Line,
    worker: &mut Line,
    random: &mut StdRng,
) {
    let which = json!({"botId": bot});
    let asking = timeout(COMMAND, operator.call("StartBot", &which));
    let answering = async {
        while let Ok(question) = worker.next().await {
            worker.keep(question);
            if worker.agree().await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let completion = tokio::select! {
        completion = asking => completion.expect("a command is answered in time"),
        () = answering => unreachable!("it answers for ever"),
    };
    match completion {
        Ok(completion) => {
            let outcome = &completion["result"];
            assert!(outcome["ok"].is_boolean(), "{completion}");
            assert!(outcome["ok"] == true || outcome["code"].is_string());
        }
        // Its own instance died: there is nobody to answer it.
        Err(Gone) => *operator = world.line("operator", random).await,
    }
}

/// Looks for a while at what comes; begins anew where its connection is gone.
async fn watch(
    world: &World,
    bot: &str,
    viewer: &mut Option<Line>,
    view: &mut View,
    random: &mut StdRng,
) {
    loop {
        if viewer.is_none() {
            *viewer = subscribe(world, bot, view, random).await;
        }
        let Some(line) = viewer else { continue };
        let looking = async {
            loop {
                let message = line.next().await?;
                let (name, event) = (&message["target"], &message["arguments"][0]);
                match name.as_str() {
                    Some("BotSnapshot") => view.take_snapshot(event),
                    _ => view.take(name, event),
                }
            }
        };
        match timeout(Duration::from_millis(20), looking).await {
            Err(_enough) => return,
            Ok(Ok(())) => unreachable!("it looks for ever"),
            Ok(Err(Gone)) => *viewer = None,
        }
    }
}

async fn subscribe(world: &World, bot: &str, view: &mut View, random: &mut StdRng) -> Option<Line> {
    let mut line = world.line("viewer", random).await;
    let mut wanted = json!({"botIds": [bot]});
    if view.epoch.is_string() {
        wanted["since"] = json!({bot: {"epoch": view.epoch, "seq": view.seq}});
    }
    let Ok(completion) = line.call("SubscribeBots", &wanted).await else {
        return None;
    };
    if completion.get("error").is_some() {
        assert_unavailable(&completion);
        sleep(Duration::from_millis(50)).await;
        return None;
    }
    let answer = &completion["result"];
    for snapshot in answer["snapshots"].as_array().expect("an array") {
        view.take_snapshot(snapshot);
    }
    for event in answer["events"].as_array().expect("an array") {
        view.take(&event["type"], event);
    }
    Some(line)
}

fn assert_unavailable(completion: &Value) {
    let code = problem(completion)["code"].clone();
    assert_eq!(code, "store_unavailable", "{completion}");
}

/// Every trade was acknowledged: each is there, in order, on every instance.
async fn check(world: &World, bot: &str, random: &mut StdRng) {
    let expected: Vec<String> = (0..TRADES).map(|number| format!("t{number}")).collect();
    let begin = Instant::now();
    loop {
        let mut line = world.line("check", random).await;
        let page = json!({"botId": bot, "limit": 200});
        match line.call("GetTrades", &page).await {
            Ok(completion) if completion.get("error").is_none() => {
                let items = completion["result"]["items"].as_array().expect("items");
                let kept: Vec<_> = items.iter().rev().map(|it| it["tradeId"].clone()).collect();
                if kept == expected {
                    return;
                }
                assert!(begin.elapsed() < LIMIT, "{bot} has {kept:?}");
            }
            Ok(completion) => assert_unavailable(&completion),
            Err(Gone) => {}
        }
        sleep(Duration::from_millis(100)).await;
    }
}
