//! What this instance says of itself: to the other instances and to operators.

use std::{sync::OnceLock, time::Instant};

use tokio::sync::watch;

use super::redis::token_key_mark;
use crate::{
    api::fleet,
    redis::{InstanceId, State},
    settings::Settings,
    signalr::transport::OpenConnections,
};

/// Who this instance is. It is there before its Redis and its server, and learns of them.
pub(super) struct About {
    pub id: InstanceId,
    begin: Instant,
    started_at: chrono::DateTime<chrono::Utc>,
    token_key: String,
    pub redis: OnceLock<watch::Receiver<State>>,
    pub connections: OnceLock<OpenConnections>,
}

impl About {
    pub fn new(settings: &Settings) -> Self {
        Self {
            id: InstanceId::unique(),
            begin: Instant::now(),
            started_at: chrono::Utc::now(),
            token_key: token_key_mark(settings),
            redis: OnceLock::new(),
            connections: OnceLock::new(),
        }
    }

    /// As of now.
    pub fn describe(&self) -> fleet::About {
        let started_at = self.started_at;
        fleet::About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: started_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            uptime_ms: self.begin.elapsed().as_millis() as u64,
            connections: self
                .connections
                .get()
                .map(OpenConnections::counts)
                .unwrap_or_default(),
            redis: match self.redis.get() {
                Some(states) => states.borrow().name().to_owned(),
                None => "off".to_owned(),
            },
            token_key: self.token_key.clone(),
        }
    }
}
