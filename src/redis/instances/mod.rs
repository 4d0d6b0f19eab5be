//! The instances of the fleet: who they are, who is alive, and questions between them.
//!
//! Everything is in Redis under the fleet's keys and channels: [`membership`] is the list with its
//! heartbeats, `…:instance:<id>` the channel on which an instance is asked and answered,
//! `…:instances:left` the one on which it says goodbye. An idle instance costs one script call a
//! second, whatever it holds.

mod calls;
mod id;
mod membership;
mod roster;
mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::{
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

pub use self::{calls::CallError, id::InstanceId, membership::list_instances};
use self::{
    calls::Calls,
    membership::Membership,
    roster::{News, Roster},
    wire::{Frame, Outcome},
};
use super::{Received, Receiver, RedisError, RedisService, State};

const HEARTBEAT: Duration = Duration::from_secs(1);
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
    /// its heartbeat has been missing for five seconds.
    pub async fn list(&self) -> Result<Vec<Instance>, RedisError> {
        self.membership.list().await
    }

    /// Whether its heartbeat came within the last five seconds and it has not left.
    pub async fn is_alive(&self, id: &InstanceId) -> Result<bool, RedisError> {
        self.membership.is_alive(id).await
    }

    /// Calls `call` once for each instance that leaves or dies: at once if it leaves, else within
    /// six seconds. On Redis's thread: it should only hand over.
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

    /// Answers questions and takes notices of `service`. `handler` is called in the order of
    /// arrival, on Redis's thread; what it returns runs there beside the others.
    pub fn serve(
        &self,
        service: &'static str,
        handler: impl Fn(InstanceId, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync + 'static,
    ) {
        let mut handlers = self
            .handlers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        handlers.insert(service, Arc::new(handler));
    }

    /// Asks another instance. Dropping the future gives the answer up, not the question.
    pub async fn call(
        &self,
        to: &InstanceId,
        service: &'static str,
        request: Bytes,
        limit: Duration,
    ) -> Result<Bytes, CallError> {
        let call = self.calls.open(to);
        let frame = Frame::Request {
            from: self.id.to_string(),
            number: call.number,
            service: service.to_owned(),
            body: request.into(),
        };
        let sent = self.send(to, &frame);
        let answer = async {
            match sent.await {
                Ok(0) => return Err(self.why_deaf(to).await),
                Ok(_) => self.roster().expect(to),
                Err(RedisError::TimedOut | RedisError::Interrupted) => {}
                Err(_) => return Err(CallError::Unavailable),
            }
            call.answer().await
        };
        timeout(limit, answer)
            .await
            .unwrap_or(Err(CallError::TimedOut))
    }

    /// Tells another instance something, at most once.
    pub fn notify(&self, to: &InstanceId, service: &'static str, message: Bytes) {
        let frame = Frame::Notice {
            from: self.id.to_string(),
            service: service.to_owned(),
            body: message.into(),
        };
        // Queued by now; whether it arrives nobody asks.
        drop(self.send(to, &frame));
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

    fn send(
        &self,
        to: &InstanceId,
        frame: &Frame,
    ) -> impl Future<Output = Result<u64, RedisError>> + Send + use<> {
        let channel = self.channel(to);
        self.redis.pub_sub().publish(&channel, frame.encode())
    }

    /// Nobody listens on its channel: it is dead, or just now not connected.
    async fn why_deaf(&self, to: &InstanceId) -> CallError {
        match self.is_alive(to).await {
            Ok(false) => CallError::Gone,
            _ => CallError::Unavailable,
        }
    }

    fn channel(&self, id: &InstanceId) -> String {
        self.own_name(&format!("instance:{id}"))
    }

    fn left_channel(&self) -> String {
        self.own_name("instances:left")
    }

    /// A channel of the fleet, without the prefix that the service puts before it.
    fn own_name(&self, name: &str) -> String {
        format!("managing-api:{{{}}}:{name}", self.redis.fleet())
    }

    async fn receive(this: Weak<Self>, mut receiver: Receiver) {
        while let Some(received) = receiver.recv().await {
            let Some(this) = this.upgrade() else { return };
            // What is lost here shows as a call that times out.
            if let Received::Message { channel, payload } = received {
                if channel.ends_with(":instances:left") {
                    this.has_left(&payload);
                } else if let Some(frame) = Frame::decode(&payload) {
                    this.on_frame(frame);
                }
            }
        }
    }

    /// A heartbeat every second, and at once when the connection has changed. An instance that
    /// could not hear its questions is not alive.
    async fn beat(this: Weak<Self>, mut states: watch::Receiver<State>) {
        while let Some(this) = this.upgrade() {
            let state = states.borrow_and_update().clone();
            match state {
                State::Up => this.beat_once().await,
                State::Down { .. } => this.calls.fail(None, CallError::Unavailable),
                State::Connecting | State::Restoring => {}
            }
            drop(this);
            tokio::select! {
                () = sleep(HEARTBEAT) => {}
                _ = states.changed() => {}
            }
        }
    }

    async fn beat_once(&self) {
        let beat = self.membership.beat(&(self.describe)()).await;
        if let Ok(beat) = beat {
            let news = self.roster().update(beat, Instant::now());
            self.tell(news);
        }
    }

    fn has_left(&self, name: &[u8]) {
        let Ok(name) = std::str::from_utf8(name) else {
            return;
        };
        let id = InstanceId::new(name);
        if self.roster().remove(&id) {
            self.tell(News {
                dead: vec![id],
                was_forgotten: false,
            });
        }
    }

    fn tell(&self, news: News) {
        for id in news.dead {
            self.calls.fail(Some(&id), CallError::Gone);
            for call in read(&self.on_death) {
                call(id.clone());
            }
        }
        if news.was_forgotten {
            for call in read(&self.on_forgotten) {
                call();
            }
        }
    }

    fn on_frame(&self, frame: Frame) {
        match frame {
            Frame::Answer { number, outcome } => {
                let answer = match outcome {
                    Outcome::Done(body) => Ok(Bytes::from(body)),
                    Outcome::Refused => Err(CallError::Unavailable),
                };
                self.calls.answer(number, answer);
            }
            Frame::Request {
                from,
                number,
                service,
                body,
            } => {
                let from = InstanceId::new(&from);
                let handling = self.handle(&service, from.clone(), body);
                self.redis.spawn(self.respond(from, number, handling));
            }
            Frame::Notice {
                from,
                service,
                body,
            } => {
                if let Some(handling) = self.handle(&service, InstanceId::new(&from), body) {
                    self.redis.spawn(async move {
                        handling.await;
                    });
                }
            }
        }
    }

    /// Calls the handler now, in order; `None` if there is none, or too many are at work.
    fn handle(
        &self,
        service: &str,
        from: InstanceId,
        body: Vec<u8>,
    ) -> Option<impl Future<Output = Bytes> + Send + use<>> {
        let permit = self.serving.clone().try_acquire_owned().ok()?;
        let handlers = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
        let handler = handlers.get(service)?.clone();
        drop(handlers);
        let handling = handler(from, Bytes::from(body));
        Some(async move {
            let answer = handling.await;
            drop(permit);
            answer
        })
    }

    fn respond<H: Future<Output = Bytes> + Send + 'static>(
        &self,
        to: InstanceId,
        number: u64,
        handling: Option<H>,
    ) -> impl Future<Output = ()> + Send + use<H> {
        let channel = self.channel(&to);
        let redis = self.redis.clone();
        async move {
            let outcome = match handling {
                Some(handling) => Outcome::Done(handling.await.into()),
                None => Outcome::Refused,
            };
            let frame = Frame::Answer { number, outcome };
            // The asker has a limit of its own, if this does not arrive.
            let _ = redis.pub_sub().publish(&channel, frame.encode()).await;
        }
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The calls as they are now, so that none is made while the list is locked.
fn read<T: Clone>(calls: &RwLock<Vec<T>>) -> Vec<T> {
    calls.read().unwrap_or_else(PoisonError::into_inner).clone()
}
