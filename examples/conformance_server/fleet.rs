//! The other instances, if `REDIS` (`host:port`) says where to meet them.

use std::sync::Arc;

use managing_api::{
    redis::{InstanceId, Instances, Options, RedisService},
    signalr::fleet::Fleet,
};

use crate::options::{Environment, Unreadable};

/// Joins the fleet. None: this instance is the only one.
pub fn join(environment: &Environment) -> Result<Option<Arc<Fleet>>, Unreadable> {
    let Some(address) = environment.text("REDIS") else {
        return Ok(None);
    };
    let parts = address.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let Some((host, port)) = parts else {
        return Err(Unreadable::new("REDIS", address));
    };
    let redis = RedisService::start(Options::server(host, port));
    let instances = Instances::start(&redis, InstanceId::unique(), || serde_json::json!({}));
    Ok(Some(Fleet::new(redis, instances)))
}
