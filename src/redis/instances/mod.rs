//! The instances of the fleet: who they are, who is alive, and questions between them.
//!
//! Everything is in Redis under the fleet's keys and channels: [`membership`] is the list with its
//! heartbeats, `…:instance:<id>` the channel on which an instance is asked and answered,
//! `…:instances:left` the one on which it says goodbye. An idle instance costs two script calls a
//! second, whatever it holds.

mod calls;
mod heartbeat;
mod id;
mod membership;
mod questions;
mod roster;
mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use self::{calls::CallError, id::InstanceId, membership::list_instances};
use self::{calls::Calls, membership::Membership, roster::Roster};
use super::{RedisError, RedisService};

/// Questions served at the same time; more are refused.
const MOST_SERVED: usize = 10_000;

/// One instance, as it described itself last.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub id: InstanceId,
    pub description: serde_json::Value,
}

type Describe = Box<dyn Fn() -> serde_json::Value + Send + Sync>;
type Handler = Arc<dyn Fn(InstanceId, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync>;
type OnDeath = Arc<dyn Fn(InstanceId) + Send + Sync>;
type OnForgotten = Arc<dyn Fn() + Send + Sync>;

/// This instance among the others.
pub struct Instances {
    id: InstanceId,
    redis: RedisService,
    membership: Membership,
    describe: Describe,
    roster: Mutex<Roster>,
    calls: Arc<Calls>,
    handlers: RwLock<HashMap<&'static str, Handler>>,
    on_death: RwLock<Vec<OnDeath>>,
    on_forgotten: RwLock<Vec<OnForgotten>>,
    serving: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Instances {
    /// Joins the fleet as soon as Redis answers. `describe` is asked with every heartbeat, on
    /// Redis's thread, and should be quick.
    pub fn start(
        redis: &RedisService,
        id: InstanceId,
        describe: impl Fn() -> serde_json::Value + Send + Sync + 'static,
    ) -> Arc<Self> {
        let instances = Arc::new(Self {
            membership: Membership::new(redis.clone(), id.clone()),
            roster: Mutex::new(Roster::new(id.clone())),
            redis: redis.clone(),
            describe: Box::new(describe),
            calls: Arc::default(),
            handlers: RwLock::default(),
            on_death: RwLock::default(),
            on_forgotten: RwLock::default(),
            serving: Arc::new(Semaphore::new(MOST_SERVED)),
            stop: CancellationToken::new(),
            id,
        });
        let (subscriber, receiver) = redis.pub_sub().subscriber();
        let channels = vec![instances.channel(&instances.id), instances.left_channel()];
        let receiving = Self::receive(Arc::downgrade(&instances), receiver);
        let beating = Self::beat(Arc::downgrade(&instances), redis.watch());
        let stop = instances.stop.clone();
        redis.spawn(async move {
            let tasks = async {
                subscriber.subscribe(channels).await;
                tokio::join!(receiving, beating)
            };
            stop.run_until_cancelled(tasks).await;
        });
        instances
    }

    pub fn id(&self) -> &InstanceId {
        &self.id
    }

    /// Everybody who lives, this instance included, sorted by id. A dead one is still there until
    /// another one has noticed.
    pub async fn list(&self) -> Result<Vec<Instance>, RedisError> {
        self.membership.list().await
    }

    /// Whether it has not left, and its heartbeat came within the last five seconds; if Redis sees
    /// its connections closed, within one and a half.
    pub async fn is_alive(&self, id: &InstanceId) -> Result<bool, RedisError> {
        self.membership.is_alive(id).await
    }

    /// Calls `call` once for each instance that leaves or dies: at once if it leaves, within about
    /// two seconds if its process was killed, within six if it only falls silent. On Redis's thread:
    /// it should only hand over.
    pub fn on_death(&self, call: impl Fn(InstanceId) + Send + Sync + 'static) {
        let mut calls = self
            .on_death
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        calls.push(Arc::new(call));
    }

    /// Calls `call` whenever Redis has lost this instance's entry, and so perhaps every other key:
    /// it was flushed or came back empty, or the others have taken this instance for dead.
    pub fn on_forgotten(&self, call: impl Fn() + Send + Sync + 'static) {
        let mut calls = self
            .on_forgotten
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        calls.push(Arc::new(call));
    }

    /// Says goodbye: the others see this instance gone at once.
    pub async fn leave(&self) {
        self.stop.cancel();
        self.membership.leave().await;
        let name = Bytes::copy_from_slice(self.id.as_str().as_bytes());
        let _ = self
            .redis
            .pub_sub()
            .publish(&self.left_channel(), name)
            .await;
    }

    fn channel(&self, id: &InstanceId) -> String {
        channel_prefix(&self.redis) + id.as_str()
    }

    fn left_channel(&self) -> String {
        own_name(&self.redis, "instances:left")
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What precedes an instance's id in the name of its channel.
fn channel_prefix(redis: &RedisService) -> String {
    own_name(redis, "instance:")
}

/// A channel of the fleet, without the prefix that the service puts before it.
fn own_name(redis: &RedisService, name: &str) -> String {
    format!("managing-api:{{{}}}:{name}", redis.fleet())
}

impl Drop for Instances {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
