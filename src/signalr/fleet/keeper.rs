//! Keeps this instance's part of the directory true: after every reconnect to Redis, after Redis was
//! emptied, after another instance took this one for dead, and after another instance died.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use super::{Directory, Home, directory::Unavailable};
use crate::redis::{InstanceId, Instances, RedisService, State};

/// How soon an emptied Redis is noticed. One command per instance.
const PERIOD: Duration = Duration::from_secs(1);

/// What the keeper works with.
pub(super) struct Keeper {
    pub redis: RedisService,
    pub instances: Arc<Instances>,
    pub directory: Arc<Directory>,
    pub home: Arc<dyn Home>,
    /// How long the end of a connection is remembered.
    pub remembered: Duration,
    /// Set once the fleet's secret was taken over.
    pub joined: tokio::sync::watch::Sender<bool>,
}

impl Keeper {
    /// Runs for ever.
    pub async fn run(self) {
        let mut states = self.redis.watch();
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let unique: u64 = rand::random();
        let mut birth = String::new();
        let mut was_connected = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = states.changed() => if changed.is_err() { return },
            }
            let connected = matches!(*states.borrow_and_update(), State::Up | State::Restoring);
            if connected != was_connected {
                self.directory.set_connected(connected);
                was_connected = connected;
                // Nothing that Redis held before is known to be there still.
                birth.clear();
            }
            if connected && let Err(Unavailable) = self.tend(&mut birth, unique).await {
                debug!("redis did not answer the directory");
                birth.clear();
            }
        }
    }

    async fn tend(&self, birth: &mut String, unique: u64) -> Result<(), Unavailable> {
        let offer = self.home.offer_secret();
        let (born, secret, known) = self.directory.tend(offer, &unique.to_string()).await?;
        if let Some(secret) = secret {
            self.home.adopt_secret(&secret);
        }
        self.joined.send_replace(true);
        let is_new = *birth != born;
        let claims = self.home.claims();
        let forgotten = !known && !claims.is_empty();
        if !(self.directory.must_register() || is_new || forgotten) {
            return Ok(());
        }
        let registered = self.directory.register(&claims, self.remembered).await;
        let Ok(lost) = registered else {
            self.directory.fall_out_of_step();
            return Err(Unavailable);
        };
        if !lost.is_empty() {
            warn!(
                count = lost.len(),
                "connections have another home; they end here"
            );
            self.home.lost(lost);
        }
        *birth = born;
        if is_new {
            self.bury_the_dead().await?;
        }
        info!(
            connections = claims.len(),
            "registered in the fleet's directory"
        );
        Ok(())
    }

    /// Instances that died while nobody could see it.
    async fn bury_the_dead(&self) -> Result<(), Unavailable> {
        for owner in self.directory.all_owners().await? {
            if let Ok(false) = self.instances.is_alive(&owner).await {
                self.directory.bury(&owner, self.remembered).await?;
            }
        }
        Ok(())
    }
}

/// An instance died: its connections have ended.
pub(super) async fn bury(directory: Arc<Directory>, dead: InstanceId, remembered: Duration) {
    match directory.bury(&dead, remembered).await {
        Ok(()) => {
            debug!(instance = %dead, "the directory has no more connections of a dead instance")
        }
        Err(Unavailable) => directory.fall_out_of_step(),
    }
}
