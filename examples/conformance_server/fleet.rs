//! The other instances, if there is a Redis to meet them in.

use std::sync::Arc;

use managing_api::{
    redis::{InstanceId, Instances, RedisService},
    signalr::fleet::Fleet,
};

/// Joins the fleet.
pub fn join(redis: &RedisService) -> Arc<Fleet> {
    let instances = Instances::start(redis, InstanceId::unique(), || serde_json::json!({}));
    Fleet::new(redis.clone(), instances)
}
