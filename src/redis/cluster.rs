//! Publish and subscribe in a cluster.
//!
//! A node counts its own subscribers only, in its answer to `PUBLISH` as well. What it says is right
//! if all of a fleet listen and publish at one node, which is that of the fleet's keys. fred
//! subscribes where its client's random name hashes to, so clients are made until one fits.

use fred::{
    clients::Client, interfaces::ClientLike as _, types::config::Server, util::redis_keyslot,
};

use super::{
    Options,
    attempt::Target,
    client::{self, Purpose},
};

/// Of three nodes one name in three fits.
const MOST_NAMES: usize = 1_000;

/// The slot of the fleet's keys.
pub(super) fn home_slot(options: &Options) -> u16 {
    redis_keyslot(options.key("").as_bytes())
}

/// A client to subscribe with instead of this one, which is connected. None: this one will do.
pub(super) fn subscriber(
    options: &Options,
    connected: &Client,
    target: Target,
) -> Result<Option<Client>, String> {
    let home = node(connected, home_slot(options));
    let fits = |client: &Client| node(connected, redis_keyslot(client.id().as_bytes())) == home;
    if fits(connected) {
        return Ok(None);
    }
    for _ in 0..MOST_NAMES {
        let client = client::build(options, Purpose::Subscriptions, target)?;
        if fits(&client) {
            return Ok(Some(client));
        }
    }
    Ok(None)
}

/// Which node has a slot, as a connected client knows it.
fn node(client: &Client, slot: u16) -> Option<Server> {
    let inner = client.inner();
    let known = inner.with_cluster_state(|state| Ok(state.get_server(slot).cloned()));
    known.ok().flatten()
}
