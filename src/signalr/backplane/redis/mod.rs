//! The instances of a fleet, ours and ASP.NET Core's alike, over the publish and subscribe of one
//! Redis.
//!
//! | file | what |
//! |---|---|
//! | `outgoing`, `gate` | what is sent: straight to Redis, or waiting for it |
//! | `incoming` | what is received |
//! | `subscriptions` | which channels are listened to |
//! | `remote` | groups of, and questions to, connections elsewhere |
//! | `acks`, `presence` | what is waited for, and when waiting is in vain |
//! | `numbers`, `options` | what is counted, what is bounded |

mod acks;
mod gate;
mod incoming;
mod numbers;
mod options;
mod outgoing;
mod presence;
mod publish;
mod remote;
mod subscriptions;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::info;

use self::{
    acks::Acks,
    incoming::Incoming,
    outgoing::{Outgoing, Sent},
    presence::Presence,
    publish::ToRedis,
    subscriptions::Subscriptions,
};
pub use self::{
    numbers::{Counter, Numbers},
    options::RedisBackplaneOptions,
};
use super::{
    AskError, Backplane, BackplaneError, Envelope, GroupAction, GroupError, LocalConnections,
    Prepared, SerializedMessage, Subscribing,
    wire::{Channels, server_name},
};
use crate::{
    redis::{Receiver, RedisService},
    signalr::connection::ConnectionId,
};

/// The backplane of one hub.
pub struct RedisBackplane {
    redis: RedisService,
    options: RedisBackplaneOptions,
    channels: Arc<Channels>,
    subscriptions: Subscriptions,
    outgoing: Arc<Outgoing>,
    acks: Arc<Acks>,
    presence: Arc<Presence>,
    numbers: Arc<Numbers>,
    /// What [`Backplane::start`] needs.
    unstarted: Mutex<Option<(Receiver, mpsc::UnboundedReceiver<Sent>)>>,
    stop: CancellationToken,
    _stop_when_dropped: DropGuard,
}

impl RedisBackplane {
    /// The backplane of the hub with this .NET type name.
    pub fn new(redis: &RedisService, type_name: &str, options: RedisBackplaneOptions) -> Arc<Self> {
        let channels = Arc::new(Channels::new(type_name, server_name()));
        let numbers = Arc::new(Numbers::default());
        let (subscriber, receiver) = redis.pub_sub().subscriber();
        let publisher = Arc::new(ToRedis(redis.clone()));
        let (outgoing, answers) = Outgoing::new(publisher, &options, numbers.clone());
        let stop = CancellationToken::new();
        Arc::new(Self {
            redis: redis.clone(),
            options,
            channels,
            subscriptions: Subscriptions::new(subscriber),
            outgoing,
            acks: Arc::default(),
            presence: Arc::default(),
            numbers,
            unstarted: Mutex::new(Some((receiver, answers))),
            _stop_when_dropped: stop.clone().drop_guard(),
            stop,
        })
    }

    /// This instance's name on the channels of this hub.
    pub fn server_name(&self) -> &str {
        self.channels.server()
    }

    /// The hub's counters.
    pub fn numbers(&self) -> &Arc<Numbers> {
        &self.numbers
    }

    /// Bytes of messages that wait for Redis, or for its answer.
    pub fn queued_bytes(&self) -> usize {
        self.outgoing.queued_bytes()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stop.clone().cancelled_owned();
        self.redis.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stopped => {}
            }
        });
    }

    /// The channels that every instance listens to.
    fn own_channels(&self) -> Vec<String> {
        vec![
            self.channels.all(),
            self.channels.groups(),
            self.channels.ack(self.channels.server()),
            self.channels.return_channel(),
        ]
    }

    fn connection_channels(&self, connection: &ConnectionId, user: Option<&str>) -> Vec<String> {
        let mut names = vec![self.channels.connection(connection.as_str())];
        names.extend(
            user.filter(|user| !user.is_empty())
                .map(|user| self.channels.user(user)),
        );
        names
    }
}

impl Backplane for RedisBackplane {
    fn start(&self, local: Weak<dyn LocalConnections>) {
        let unstarted = self
            .unstarted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some((receiver, answers)) = unstarted else {
            return;
        };
        let incoming = Incoming {
            channels: self.channels.clone(),
            local,
            outgoing: self.outgoing.clone(),
            acks: self.acks.clone(),
            numbers: self.numbers.clone(),
        };
        let all = self.channels.all();
        info!(
            channel = all,
            server_name = self.server_name(),
            "Joining the fleet"
        );
        self.spawn(incoming.run(receiver));
        self.spawn(self.outgoing.clone().settle(answers));
        self.spawn(gate::run(self.redis.clone(), self.outgoing.clone(), all));
        let (redis, outgoing) = (self.redis.clone(), self.outgoing.clone());
        self.spawn(self.presence.clone().run(redis, outgoing));
        if let Some(subscribing) = self.subscriptions.add(self.own_channels()) {
            self.spawn(subscribing);
        }
    }

    fn is_distributed(&self) -> bool {
        true
    }

    fn prepare<'a>(
        &'a self,
        envelope: Envelope<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Prepared>, BackplaneError>> {
        publish::prepare(&self.outgoing, &self.channels, envelope).boxed()
    }

    fn connected(&self, connection: &ConnectionId, user: Option<&str>) -> Option<Subscribing> {
        let names = self.connection_channels(connection, user);
        self.subscriptions.add(names)
    }

    fn disconnected(&self, connection: &ConnectionId, user: Option<&str>, groups: &[Arc<str>]) {
        let mut names = self.connection_channels(connection, user);
        names.extend(groups.iter().map(|group| self.channels.group(group)));
        self.subscriptions.remove(names);
    }

    fn joined(&self, group: &str) -> Option<Subscribing> {
        self.subscriptions.add(vec![self.channels.group(group)])
    }

    fn joining(&self, group: &str) -> Option<Subscribing> {
        self.subscriptions.pending(&self.channels.group(group))
    }

    fn left(&self, group: &str) {
        self.subscriptions.remove(vec![self.channels.group(group)]);
    }

    fn change_group<'a>(
        &'a self,
        connection: &'a ConnectionId,
        action: GroupAction,
        group: &'a str,
    ) -> BoxFuture<'a, Result<(), GroupError>> {
        self.change(connection, action, group).boxed()
    }

    fn ask<'a>(
        &'a self,
        connection: &'a ConnectionId,
        invocation_id: &'a str,
        message: SerializedMessage,
    ) -> BoxFuture<'a, AskError> {
        self.ask_remote(connection, invocation_id, message).boxed()
    }
}
