//! From an envelope to payloads on channels.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};

use super::outgoing::{Outgoing, Place, Publisher};
use crate::{
    redis::{RedisError, RedisService},
    signalr::{
        backplane::{
            BackplaneError, Envelope, Prepared, SerializedMessage, Target,
            wire::{Channels, Invocation, ResultRequest, Unnumbered},
        },
        connection::ConnectionId,
    },
};

/// Publishes through the process's Redis.
pub(super) struct ToRedis(pub RedisService);

impl Publisher for ToRedis {
    fn publish(
        &self,
        channel: &str,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<u64, RedisError>> {
        self.0.pub_sub().publish(channel, payload).boxed()
    }
}

/// A message with its place in the queue. It is numbered when it goes, so that the numbers have the
/// order of the wire.
struct Ready {
    place: Place,
    channels: Vec<String>,
    payload: Unnumbered,
}

impl Prepared for Ready {
    fn publish(self: Box<Self>) {
        let Self {
            place,
            channels,
            payload,
        } = *self;
        place.send(channels, |number| payload.seal(number));
    }
}

/// Nobody is meant.
struct Nothing;

impl Prepared for Nothing {
    fn publish(self: Box<Self>) {}
}

/// Writes the payload and finds a place for it.
pub(super) async fn prepare(
    outgoing: &Arc<Outgoing>,
    channels: &Channels,
    to: Envelope<'_>,
) -> Result<Box<dyn Prepared>, BackplaneError> {
    let names = names(channels, to.target);
    if names.is_empty() {
        return Ok(Box::new(Nothing));
    }
    let payload = envelope(channels.server(), to.excluded, to.message, None);
    let place = outgoing.reserve(payload.len(), names.len()).await?;
    Ok(Box::new(Ready {
        place,
        channels: names,
        payload,
    }))
}

/// The payload of a message, complete but for its number.
pub(super) fn envelope(
    server: &str,
    excluded: &[ConnectionId],
    message: &SerializedMessage,
    request: Option<&ResultRequest>,
) -> Unnumbered {
    let excluded = excluded.iter().map(ConnectionId::as_str);
    Invocation::encode(excluded, message, request, server)
}

/// One channel per name, repeated ones too; empty names of groups and users lead nowhere.
fn names(channels: &Channels, target: &Target) -> Vec<String> {
    let some = |names: &[String], name: fn(&Channels, &str) -> String| {
        let names = names.iter().filter(|it| !it.is_empty());
        names.map(|it| name(channels, it)).collect()
    };
    match target {
        Target::All => vec![channels.all()],
        Target::Group(group) => vec![channels.group(group)],
        Target::Groups(groups) => some(groups, Channels::group),
        Target::User(user) => vec![channels.user(user)],
        Target::Users(users) => some(users, Channels::user),
        Target::Connections(ids) => {
            let ids = ids.iter().map(ConnectionId::as_str);
            ids.map(|id| channels.connection(id)).collect()
        }
    }
}
