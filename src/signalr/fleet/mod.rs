//! Which instance is the home of which connection, and how a request that another instance accepted
//! reaches it. Nothing here speaks HTTP: `transport` asks, and implements [`Home`] for the other side.
//!
//! | file | what |
//! |---|---|
//! | [`key`] | what a connection is found by |
//! | [`directory`], [`scripts`] | homes of connections, in Redis |
//! | [`keeper`] | keeps this instance's part of it true when Redis or instances come and go |
//! | [`message`] | what instances say to each other |
//! | [`doubt`] | whether an instance is dead |
//! | [`polls`] | polls that wait here for a connection elsewhere |
//! | [`home`] | the trait of the other side |

mod directory;
mod doubt;
mod home;
mod keeper;
mod key;
pub mod message;
mod polls;
mod scripts;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use self::{
    directory::{Claiming, Directory, Located, Unavailable},
    doubt::Doubt,
    home::Home,
    key::ConnectionKey,
    polls::{ArrivingPoll, EdgePoll},
};
use self::{
    keeper::Keeper,
    message::{Notice, Reply, Request},
    polls::Polls,
};
use crate::redis::{CallError, InstanceId, Instances, RedisService, State};

/// Questions that want an answer.
const QUESTIONS: &str = "connections";
/// News that does not.
const NOTICES: &str = "connections.notices";

/// How long clients wait at most for an instance that has just started to meet the fleet.
const MEETING: Duration = Duration::from_secs(2);

/// This instance as a member of the fleet.
pub struct Fleet {
    redis: RedisService,
    instances: Arc<Instances>,
    directory: Arc<Directory>,
    /// The fleet was met, or waiting for it is in vain.
    joined: watch::Sender<bool>,
    served: OnceLock<()>,
    polls: Polls,
    posts: AtomicU64,
}

impl Fleet {
    /// A member that serves nothing yet.
    pub fn new(redis: RedisService, instances: Arc<Instances>) -> Arc<Self> {
        let directory = Directory::new(redis.clone(), instances.id().clone());
        Arc::new(Self {
            redis,
            instances,
            directory: Arc::new(directory),
            joined: watch::Sender::new(false),
            served: OnceLock::new(),
            polls: Polls::default(),
            posts: AtomicU64::new(0),
        })
    }

    /// Answers the other instances from here on, and keeps the directory. `remembered`: for so long
    /// the end of a connection must be remembered. Once only.
    pub fn serve(self: &Arc<Self>, home: Arc<dyn Home>, remembered: Duration) -> bool {
        if self.served.set(()).is_err() {
            return false;
        }
        let (fleet, for_questions) = (Arc::downgrade(self), home.clone());
        self.instances.serve(QUESTIONS, move |from, bytes| {
            let answer: BoxFuture<'static, Reply> = match (message::decode(&bytes), fleet.upgrade())
            {
                (Some(Request::WasDelivered { poll }), Some(fleet)) => Box::pin(
                    std::future::ready(Reply::Delivered(fleet.polls.outcome(poll))),
                ),
                (Some(request), Some(_)) => for_questions.answer(from, request),
                _ => Box::pin(std::future::ready(Reply::NotUnderstood)),
            };
            Box::pin(async move { message::encode(&answer.await) })
        });
        let for_notices = home.clone();
        self.instances.serve(NOTICES, move |from, bytes| {
            if let Some(notice) = message::decode(&bytes) {
                for_notices.notice(from, notice);
            }
            Box::pin(std::future::ready(bytes::Bytes::new()))
        });
        let (directory, redis) = (self.directory.clone(), self.redis.clone());
        let for_deaths = home.clone();
        self.instances.on_death(move |dead| {
            for_deaths.died(&dead);
            redis.spawn(keeper::bury(directory.clone(), dead, remembered));
        });
        let releases = self.directory.clone();
        self.redis
            .spawn(async move { releases.write_releases().await });
        let keeper = Keeper {
            redis: self.redis.clone(),
            instances: self.instances.clone(),
            directory: self.directory.clone(),
            home,
            remembered,
            joined: self.joined.clone(),
        };
        self.redis.spawn(keeper.run());
        true
    }

    /// This instance.
    pub fn id(&self) -> &InstanceId {
        self.instances.id()
    }

    /// Homes of connections.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Waits until this instance has met the fleet and shares its tokens, as long as the first
    /// attempt to reach Redis goes on. Without Redis it goes on alone and joins by itself later.
    pub async fn met(&self) {
        if *self.joined.borrow() {
            return;
        }
        let mut joined = self.joined.subscribe();
        let mut states = self.redis.watch();
        tokio::select! {
            _ = joined.wait_for(|joined| *joined) => {}
            _ = states.wait_for(|state| matches!(state, State::Down { .. })) => {}
            () = tokio::time::sleep(MEETING) => {
                // Redis answers and lets nobody join: later requests do not wait for that again.
                self.joined.send_replace(true);
            }
        }
    }

    /// Whether Redis answers.
    pub fn is_connected(&self) -> bool {
        self.redis.state().is_up()
    }

    /// The number of the next body that is posted here for a connection elsewhere.
    pub fn next_post(&self) -> u64 {
        self.posts.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until Redis answers again, for `limit` at most.
    pub async fn connected(&self, limit: Duration) -> bool {
        let mut states = self.redis.watch();
        let up = states.wait_for(|state| matches!(state, State::Up));
        tokio::time::timeout(limit, up)
            .await
            .is_ok_and(|up| up.is_ok())
    }

    /// Asks another instance.
    pub async fn ask(
        &self,
        instance: &InstanceId,
        request: &Request,
        limit: Duration,
    ) -> Result<Reply, CallError> {
        let bytes = message::encode(request);
        let answer = self
            .instances
            .call(instance, QUESTIONS, bytes, limit)
            .await?;
        Ok(message::decode(&answer).unwrap_or(Reply::NotUnderstood))
    }

    /// Tells another instance something, at most once.
    pub fn notify(&self, instance: &InstanceId, notice: &Notice) {
        self.instances
            .notify(instance, NOTICES, message::encode(notice));
    }

    /// The same; true as soon as it is on its way there.
    pub async fn notified(&self, instance: &InstanceId, notice: &Notice) -> bool {
        self.instances
            .notified(instance, NOTICES, message::encode(notice))
            .await
    }

    /// Whether an instance lives, as far as Redis knows.
    pub async fn is_alive(&self, instance: &InstanceId) -> bool {
        self.instances.is_alive(instance).await.unwrap_or(true)
    }

    /// The instances that live now.
    pub async fn instances(&self) -> Result<Vec<crate::redis::Instance>, Unavailable> {
        self.instances.list().await.map_err(|_| Unavailable)
    }

    /// Polls that are here for connections that live elsewhere, or whose connection is looked for.
    pub fn open_polls(&self) -> usize {
        self.polls.open()
    }

    /// Says goodbye: the directory learns of what has ended, the others see this instance gone at
    /// once, and what is left of it with it.
    pub async fn leave(&self) {
        self.directory.flush_releases().await;
        self.instances.leave().await;
    }
}
