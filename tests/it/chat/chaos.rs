//! Seeded stories of users on a fleet of three, while tabs reload, users cancel, instances are
//! killed and Redis restarts. Afterwards every answer is what the provider said, or a beginning of
//! it that holds all that anybody was shown.
//!
//! `CHAOS_SEED=7` replays one seed; `SOAK=1` runs 1,000 stories instead of 20.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::sync::{Mutex, RwLock};
use tokio::time::{sleep, timeout};

use super::client::{Instance, code};
use super::fleet::{joined, start};
use super::tab::{Gone, Tab};
use super::upstream::{Upstream, request};
use crate::support::redis::RedisServer;
use crate::support::within;

/// Stories that run side by side under one seed.
const STORIES: usize = 10;
/// Nothing takes longer than this.
const LIMIT: Duration = Duration::from_secs(90);
/// An answer of one word, with nothing else to do, once Redis is back.
const MARKER: Duration = Duration::from_secs(30);

struct World {
    instances: RwLock<Vec<Instance>>,
    redis: Mutex<RedisServer>,
    upstream: Upstream,
}

/// What one user has seen, and what the provider says in full.
struct Story {
    user: String,
    started: Value,
    whole: String,
    shown: String,
}

/// What a tab knows of a run.
#[derive(Default)]
struct View {
    seq: u64,
    text: String,
    is_over: bool,
}

impl View {
    fn take(&mut self, event: &Value, run: &Value) {
        assert_eq!(event["runId"], *run, "an event of another run");
        assert!(!self.is_over, "something after the end: {event}");
        let seq = event["seq"].as_u64().expect("a number");
        if event["type"] == "snapshot" {
            assert!(seq >= self.seq, "an older snapshot: {event}");
            event["text"]
                .as_str()
                .expect("a text")
                .clone_into(&mut self.text);
        } else {
            assert_eq!(seq, self.seq + 1, "a gap or a double: {event}");
        }
        self.seq = seq;
        match event["type"].as_str() {
            Some("text.delta") => self.text += event["text"].as_str().expect("a text"),
            Some("run.finished") => self.is_over = true,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_every_answer_is_whole_or_a_beginning_that_holds_what_was_shown() {
    let seeds: Vec<u64> = match std::env::var("CHAOS_SEED") {
        Ok(seed) => vec![seed.parse().expect("CHAOS_SEED is a number")],
        Err(_) => {
            let first = rand::random_range(0..1_000_000);
            let count = if std::env::var_os("SOAK").is_some() {
                100
            } else {
                2
            };
            (first..first + count).collect()
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
    let upstream = Upstream::start().await;
    let world = Arc::new(World {
        instances: RwLock::default(),
        redis: Mutex::new(redis),
        upstream,
    });
    for _ in 0..3 {
        world.add_instance().await;
    }
    let mut stories = Vec::new();
    for number in 0..STORIES {
        let world = world.clone();
        let random = StdRng::seed_from_u64(seed * 1_000 + number as u64);
        stories.push(tokio::spawn(async move {
            let story = tell(&world, format!("{seed}-{number}"), random);
            timeout(LIMIT, story).await.expect("no run is left hanging")
        }));
    }
    let breaking = break_things(&world, StdRng::seed_from_u64(seed));
    timeout(LIMIT, breaking).await.expect("breaking ends");
    for story in stories {
        let story = story
            .await
            .unwrap_or_else(|error| panic!("CHAOS_SEED={seed}: {error}"));
        check(&world, &story).await;
    }
    world.upstream.idle().await;
    true
}

impl World {
    async fn add_instance(&self) {
        let redis = self.redis.lock().await;
        let settings = self.upstream.settings();
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let instance = start(&redis, &settings);
        joined(&instance).await;
        self.instances.write().await.push(instance);
    }

    /// A tab on some instance that lives.
    async fn tab(&self, user: &str, random: &mut StdRng) -> Tab {
        let instances = self.instances.read().await;
        Tab::open(&instances[random.random_range(0..instances.len())], user).await
    }
}

async fn break_things(world: &World, mut random: StdRng) {
    for _ in 0..2 {
        sleep(Duration::from_millis(random.random_range(300..1_500))).await;
        if random.random_bool(0.5) {
            let mut redis = world.redis.lock().await;
            redis.kill();
            sleep(Duration::from_millis(random.random_range(50..1_500))).await;
            redis.restart().await;
            drop(redis);
            for instance in world.instances.read().await.iter() {
                joined(instance).await;
                caught_up(instance).await;
            }
        } else {
            let mut instances = world.instances.write().await;
            let index = random.random_range(0..instances.len());
            drop(instances.swap_remove(index));
            drop(instances);
            world.add_instance().await;
        }
    }
}

/// Waits until Redis has what an instance showed while Redis was away: an instance that dies before
/// that takes it along. A run that begins afterwards is stored after what waits.
async fn caught_up(instance: &Instance) {
    loop {
        let mut tab = Tab::open(instance, "marker").await;
        let marker = json!({"content": "count to 1", "model": "builtin"});
        let completion = within(MARKER, "a marker is sent", tab.call("SendMessage", marker)).await;
        let completion = completion.unwrap_or_else(|problem| panic!("{problem}"));
        let completion = completion.expect("it lives");
        if completion.get("error").is_none() {
            return ended(&mut tab, &completion["result"]).await;
        }
        assert_eq!(code(&completion), "store_unavailable", "{completion}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn ended(tab: &mut Tab, started: &Value) {
    let mut told = Vec::new();
    let ended = within(MARKER, "a marker ends", async {
        loop {
            let event = tab.event().await.expect("it lives");
            let is_last = event["type"] == "run.finished";
            told.push(event);
            if is_last {
                return;
            }
        }
    });
    let ended = ended.await;
    ended.unwrap_or_else(|problem| panic!("{problem}: {started}, told {told:#?}"));
}

/// One user's answer, from asking to its end.
async fn tell(world: &World, name: String, mut random: StdRng) -> Story {
    let words = random.random_range(20..150);
    let (content, whole) = request(words, &format!("w{name}-"), random.random_range(5..40));
    let user = format!("user-{name}");
    let asked = json!({"content": content, "clientMessageId": "k", "model": "m"});
    let mut tab = world.tab(&user, &mut random).await;
    let started = ask(world, &mut tab, &user, &mut random, "SendMessage", asked).await;
    let will_cancel = random.random_bool(0.3);
    let mut shown = String::new();
    let mut view = View::default();
    // The answer to a repeated request may have come on another connection: look from the start.
    let mut reload = true;
    while !view.is_over {
        if reload {
            keep_longest(&mut shown, &view.text);
            (tab, view) = open(world, &user, &started, &mut random).await;
            reload = false;
            continue;
        }
        match random.random_range(0..100) {
            0..3 => reload = true,
            3..5 if will_cancel => {
                let cancel = json!({"runId": started["runId"]});
                match tab.call("CancelRun", cancel).await {
                    Ok(completion) => assert_cancelled(&completion),
                    Err(Gone) => reload = true,
                }
            }
            _ => match tab.event().await {
                Ok(event) => view.take(&event, &started["runId"]),
                Err(Gone) => reload = true,
            },
        }
    }
    keep_longest(&mut shown, &view.text);
    Story {
        user,
        started,
        whole,
        shown,
    }
}

fn assert_cancelled(completion: &Value) {
    if completion.get("error").is_some() {
        assert_eq!(code(completion), "store_unavailable", "{completion}");
        return;
    }
    let state = completion["result"]["state"].as_str();
    assert!(
        matches!(state, Some("cancelling" | "cancelled" | "finished")),
        "{completion}"
    );
}

fn keep_longest(shown: &mut String, text: &str) {
    assert!(
        shown.starts_with(text) || text.starts_with(shown.as_str()),
        "two histories"
    );
    if text.len() > shown.len() {
        text.clone_into(shown);
    }
}

/// A tab that comes anew and follows the run, by opening the conversation or by a stream.
async fn open(world: &World, user: &str, started: &Value, random: &mut StdRng) -> (Tab, View) {
    let mut tab = world.tab(user, random).await;
    if random.random_bool(0.3) {
        let resume = json!({"runId": started["runId"], "afterSeq": 0});
        // A store that is away, or an instance that dies, ends the stream; then it is tried again.
        if tab.stream("ResumeRun", resume).await.is_ok() {
            return (tab, View::default());
        }
    }
    let open = json!({"conversationId": started["conversationId"]});
    let completion = ask(world, &mut tab, user, random, "OpenConversation", open).await;
    let run = &completion["activeRun"];
    let view = match run.is_null() {
        false => View {
            seq: run["lastSeq"].as_u64().expect("a number"),
            text: run["text"].as_str().expect("a text").to_owned(),
            is_over: false,
        },
        true => View {
            seq: 0,
            text: completion["messages"][1]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            is_over: true,
        },
    };
    (tab, view)
}

/// Calls until there is an answer, on other instances if need be.
async fn ask(
    world: &World,
    tab: &mut Tab,
    user: &str,
    random: &mut StdRng,
    target: &str,
    argument: Value,
) -> Value {
    loop {
        match tab.call(target, argument.clone()).await {
            Ok(completion) if completion.get("error").is_none() => {
                return completion["result"].clone();
            }
            Ok(completion) => assert_eq!(code(&completion), "store_unavailable", "{completion}"),
            Err(Gone) => *tab = world.tab(user, random).await,
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn check(world: &World, story: &Story) {
    let checked = timeout(LIMIT, check_now(world, story));
    checked.await.expect("a conversation can be opened");
}

async fn check_now(world: &World, story: &Story) {
    let mut random = StdRng::seed_from_u64(1);
    let begin = Instant::now();
    let mut tab = world.tab(&story.user, &mut random).await;
    let message = loop {
        let open = json!({"conversationId": story.started["conversationId"]});
        let opened = ask(
            world,
            &mut tab,
            &story.user,
            &mut random,
            "OpenConversation",
            open,
        )
        .await;
        if opened["activeRun"].is_null() {
            assert_eq!(
                opened["messages"].as_array().map(Vec::len),
                Some(2),
                "{opened}"
            );
            break opened["messages"][1].clone();
        }
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "a run is left hanging: {opened}"
        );
        sleep(Duration::from_millis(50)).await;
    };
    let text = message["content"].as_str().expect("a text");
    match message["finishReason"].as_str() {
        Some("stop") => assert_eq!(text, story.whole),
        Some("cancelled" | "interrupted") => assert!(story.whole.starts_with(text), "{message}"),
        _ => panic!("an end that nobody asked for: {message}"),
    }
    assert!(
        text.starts_with(&story.shown),
        "shown {}, kept {message}",
        story.shown
    );
}
