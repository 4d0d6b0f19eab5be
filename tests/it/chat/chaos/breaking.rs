//! What breaks while the stories are told: instances are killed, Redis restarts.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::World;
use super::tab::Tab;
use crate::chat::client::{Instance, code};
use crate::chat::fleet::joined;
use crate::support::within;

/// An answer of one word, with nothing else to do, once Redis is back.
const MARKER: Duration = Duration::from_secs(30);

pub async fn break_things(world: &World, mut random: StdRng) {
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
