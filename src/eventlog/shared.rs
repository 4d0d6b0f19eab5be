//! What the logs of one instance have in common: one store, one task that appends, one that follows.

use std::sync::Arc;

use super::{Appender, Feed, LogStore, RedisLogs};
use crate::redis::{Instances, RedisService};

/// The fleet's logs, as one instance shares in them. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct SharedLogs {
    pub redis: RedisService,
    pub instances: Arc<Instances>,
    pub store: Arc<dyn LogStore>,
    pub appender: Arc<Appender>,
    pub feed: Arc<Feed>,
}

impl SharedLogs {
    pub fn new(redis: RedisService, instances: Arc<Instances>) -> Self {
        let store: Arc<dyn LogStore> = RedisLogs::new(redis.clone(), instances.clone());
        Self {
            appender: Appender::new(store.clone()),
            feed: Feed::new(store.clone()),
            redis,
            instances,
            store,
        }
    }

    /// Appends and follows for ever.
    pub async fn run(self) {
        tokio::join!(self.appender.run(), self.feed.run());
    }
}
