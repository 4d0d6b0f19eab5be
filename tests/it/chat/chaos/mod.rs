//! Seeded stories of users on a fleet of three, while tabs reload, users cancel, instances are
//! killed and Redis restarts. Afterwards every answer is what the provider said, or a beginning of
//! it that holds all that anybody was shown.
//!
//! `CHAOS_SEED=7` replays one seed; `SOAK=1` runs 1,000 stories instead of 20.

mod breaking;
mod checking;
mod story;
mod tab;
mod view;

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::{Mutex, RwLock};
use tokio::time::timeout;

use self::breaking::break_things;
use self::checking::check;
use self::story::tell;
use self::tab::Tab;
use super::client::{Instance, borrowed};
use super::fleet::{joined, start};
use super::upstream::Upstream;
use crate::support::redis::RedisServer;

/// Stories that run side by side under one seed.
const STORIES: usize = 10;
/// Nothing takes longer than this.
const LIMIT: Duration = Duration::from_secs(90);

struct World {
    instances: RwLock<Vec<Instance>>,
    redis: Mutex<RedisServer>,
    upstream: Upstream,
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
        let instance = start(&redis, &borrowed(&settings));
        joined(&instance).await;
        self.instances.write().await.push(instance);
    }

    /// A tab on some instance that lives.
    async fn tab(&self, user: &str, random: &mut StdRng) -> Tab {
        let instances = self.instances.read().await;
        Tab::open(&instances[random.random_range(0..instances.len())], user).await
    }
}
