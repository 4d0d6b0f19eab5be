//! The hubs' ways to the other instances, and what `/metrics` shows of them.

use std::sync::Arc;

use super::{options, redis::Redis};
use crate::{
    redis::RedisService,
    settings::Settings,
    signalr::{
        backplane::redis::{Numbers, RedisBackplane, RedisBackplaneOptions},
        hub::HubContext,
    },
    telemetry::metrics::{Metrics, Reading},
};

/// One backplane for each hub if there is a Redis, none otherwise.
pub(super) struct Backplanes {
    redis: Option<RedisService>,
    options: RedisBackplaneOptions,
    hubs: Vec<(&'static str, Arc<RedisBackplane>)>,
}

impl Backplanes {
    pub fn new(settings: &Settings, redis: Option<&Redis>) -> Self {
        Self {
            redis: redis.map(|redis| redis.service.clone()),
            options: options::backplane_options(&settings.signalr.backplane),
            hubs: Vec::new(),
        }
    }

    /// The context of a hub, which joins the fleet at once.
    pub fn context(&mut self, name: &'static str, type_name: &str) -> HubContext {
        let Some(redis) = &self.redis else {
            return HubContext::new(name, type_name);
        };
        let backplane = RedisBackplane::new(redis, type_name, self.options.clone());
        self.hubs.push((name, backplane.clone()));
        HubContext::with_backplane(name, type_name, backplane)
    }

    pub fn add_to(&self, metrics: &mut Metrics) {
        if self.hubs.is_empty() {
            return;
        }
        let queued = self.hubs.iter().map(|(name, backplane)| {
            let backplane = backplane.clone();
            Reading::new(&[("hub", name)], move || backplane.queued_bytes() as u64)
        });
        metrics.gauge(
            "backplane_queued_bytes",
            "Messages that wait for Redis, or for its answer",
            queued.collect(),
        );
        for (name, help, read) in COUNTERS {
            let readings = self.hubs.iter().map(|(hub, backplane)| {
                let numbers = backplane.numbers().clone();
                Reading::new(&[("hub", hub)], move || read(&numbers))
            });
            metrics.counter(name, help, readings.collect());
        }
    }
}

type Read = fn(&Numbers) -> u64;

const COUNTERS: &[(&str, &str, Read)] = &[
    (
        "backplane_published",
        "Messages that went to other instances",
        |numbers| numbers.published.get(),
    ),
    (
        "backplane_received",
        "Messages that came from other instances",
        |numbers| numbers.received.get(),
    ),
    (
        "backplane_echoes",
        "Own messages that came back and were dropped",
        |numbers| numbers.echoes.get(),
    ),
    (
        "backplane_refused",
        "Sends that failed because too much was waiting",
        |numbers| numbers.refused.get(),
    ),
    (
        "backplane_expired",
        "Messages that waited too long for Redis",
        |numbers| numbers.expired.get(),
    ),
    (
        "backplane_uncertain",
        "Messages lost on the way to Redis, or not: it did not answer",
        |numbers| numbers.uncertain.get(),
    ),
    (
        "backplane_rejected",
        "Messages that Redis refused",
        |numbers| numbers.rejected.get(),
    ),
    (
        "backplane_lost",
        "Messages that came faster than they could be delivered",
        |numbers| numbers.lost.get(),
    ),
    (
        "backplane_malformed",
        "Payloads that cannot be read",
        |numbers| numbers.malformed.get(),
    ),
    (
        "backplane_incomplete",
        "Messages that lacked a protocol and were converted",
        |numbers| numbers.incomplete.get(),
    ),
    (
        "backplane_ack_timeouts",
        "Group commands that nobody acknowledged",
        |numbers| numbers.ack_timeouts.get(),
    ),
    (
        "backplane_result_timeouts",
        "Questions to clients of other instances without an answer",
        |numbers| numbers.result_timeouts.get(),
    ),
];
