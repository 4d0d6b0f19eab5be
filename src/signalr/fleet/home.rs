//! The home's side of a connection that other instances are the edge of. `transport` implements it.

use futures_util::future::BoxFuture;

use super::{
    ConnectionKey,
    message::{Notice, Reply, Request},
};
use crate::redis::InstanceId;

/// What the fleet needs of an instance that has connections. Called on the fleet's thread.
pub trait Home: Send + Sync {
    /// Answers another instance. Every answer comes in bounded time: a poll's within its
    /// `PollTimeout`, a piece of a post within seconds.
    fn answer(&self, from: InstanceId, request: Request) -> BoxFuture<'static, Reply>;

    /// Hears from another instance.
    fn notice(&self, from: InstanceId, notice: Notice);

    /// Another instance died, and with it what it had accepted.
    fn died(&self, instance: &InstanceId);

    /// Every connection that the directory must know of. Called after a reconnect to Redis.
    fn claims(&self) -> Vec<ConnectionKey>;

    /// The directory names another instance for these: they end here, so that their clients come
    /// back.
    fn lost(&self, keys: Vec<ConnectionKey>);

    /// The secret of tokens that this instance offers the fleet; none if it is configured.
    fn offer_secret(&self) -> Option<[u8; 32]>;

    /// The fleet's secret.
    fn adopt_secret(&self, secret: &[u8; 32]);
}
