//! Keeps this instance's part of the directory true: after every reconnect to Redis, after Redis was
//! emptied, after another instance took this one for dead, and after another instance died.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::{debug, info, warn};

use super::{ConnectionKey, Directory, Home, directory::Unavailable};
use crate::redis::{InstanceId, Instances, RedisService, State};

/// How soon an emptied Redis is noticed. One command per instance.
const PERIOD: Duration = Duration::from_secs(1);
/// How long after a registration the directory is cleaned: by then every instance that lives has
/// been heard of, also if Redis was emptied.
const CLEANING: Duration = Duration::from_secs(10);

/// What the keeper works with.
pub(super) struct Keeper {
    pub redis: RedisService,
    pub instances: Arc<Instances>,
    pub directory: Arc<Directory>,
    pub home: Arc<dyn Home>,
    /// How long the end of a connection is remembered.
    pub remembered: Duration,
    /// Set once the fleet's secret was taken over.
    pub joined: watch::Sender<bool>,
}

/// What the keeper remembers between two ticks.
#[derive(Default)]
struct Memory {
    was_connected: bool,
    /// That of the directory in which everything is registered.
    birth: String,
    clean_at: Option<Instant>,
    /// What Redis held a tick ago and nobody knew here.
    strangers: Vec<ConnectionKey>,
}

impl Keeper {
    /// Runs for ever.
    pub async fn run(self) {
        let mut states = self.redis.watch();
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let unique = rand::random::<u64>().to_string();
        let mut memory = Memory::default();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = states.changed() => if changed.is_err() { return },
            }
            let is_connected = matches!(*states.borrow_and_update(), State::Up | State::Restoring);
            if is_connected != memory.was_connected {
                self.directory.set_connected(is_connected);
                // Nothing that Redis held before is known to be there still.
                memory = Memory::default();
                memory.was_connected = is_connected;
            }
            if is_connected && let Err(Unavailable) = self.tend(&mut memory, &unique).await {
                debug!("redis did not answer the directory");
                memory.birth.clear();
            }
        }
    }

    async fn tend(&self, memory: &mut Memory, unique: &str) -> Result<(), Unavailable> {
        let offer = self.home.offer_secret();
        let (birth, secret, known) = self.directory.tend(offer, unique).await?;
        if let Some(secret) = secret {
            self.home.adopt_secret(&secret);
        }
        self.joined.send_replace(true);
        if memory.birth != birth || !known || self.directory.must_register() {
            self.register().await?;
            memory.birth = birth;
            memory.clean_at = Some(Instant::now() + CLEANING);
        }
        self.clean(memory).await
    }

    async fn register(&self) -> Result<(), Unavailable> {
        let claims = self.home.claims();
        let registered = self.directory.register(&claims).await;
        let Ok(lost) = registered else {
            self.directory.fall_out_of_step();
            return Err(Unavailable);
        };
        if !lost.is_empty() {
            let count = lost.len();
            warn!(count, "connections have another home; they end here");
            self.home.lost(lost);
        }
        info!(
            connections = claims.len(),
            "registered in the fleet's directory"
        );
        Ok(())
    }

    /// Some time after everybody has registered: what died while nobody could see it goes.
    async fn clean(&self, memory: &mut Memory) -> Result<(), Unavailable> {
        if !memory.strangers.is_empty() {
            let known: HashSet<_> = self.home.claims().into_iter().collect();
            let strangers = memory.strangers.drain(..);
            for key in strangers.filter(|key| !known.contains(key)) {
                self.directory.release(key, self.remembered);
            }
        }
        if memory.clean_at.is_none_or(|at| Instant::now() < at) {
            return Ok(());
        }
        memory.clean_at = None;
        for owner in self.directory.all_owners().await? {
            if let Ok(false) = self.instances.is_alive(&owner).await {
                self.directory.bury(&owner, self.remembered).await?;
            }
        }
        let known: HashSet<_> = self.home.claims().into_iter().collect();
        let registered = self.directory.registered().await?.into_iter();
        // A connection that is claimed at this moment is known here a moment later.
        memory.strangers = registered.filter(|key| !known.contains(key)).collect();
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
