//! What the publisher did and what arrived, as the report shows it.

use serde_json::{Value, json};

use super::FanResult;
use crate::client::Shared;
use crate::publish::{PubCfg, PubResult};

fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

pub fn publisher_json(p: &PubCfg, r: &PubResult) -> Value {
    let mut json = json!({
        "published": r.published,
        "rate_per_s": round(r.published as f64 / r.publish_s.max(1e-9)),
        "publish_s": round(r.publish_s),
        "warmup_published": r.published_warmup,
        "warmup_lost": r.warmup_lost,
        "acks": r.ack_count,
        "errors": r.errors.values().sum::<u64>(),
    });
    if p.rate.is_some() {
        json["not_sent_in_time"] = json!(r.not_sent);
    }
    if p.window > 0 {
        json["window"] = json!(p.window);
        json["stalls"] = json!(r.stalls);
    }
    if let Some((min, max)) = r.redis_receivers {
        json["redis_receivers_min"] = json!(min);
        json["redis_receivers_max"] = json!(max);
    }
    if let Some(why) = &r.aborted {
        json["aborted"] = json!(why);
    }
    json
}

/// What there was to deliver.
pub struct Deliveries {
    pub(super) up: u64,
    pub(super) per_message: u64,
    /// each subscriber should have got each message, so that its losses can be told
    pub(super) every_message_to_all: bool,
    pub(super) connections_lost: u64,
}

impl Deliveries {
    pub(super) fn json(&self, shared: &Shared, r: &PubResult, got: &FanResult) -> Value {
        let expected = r.published * self.per_message;
        let elapsed = (shared.last_at().max(r.first_at + 1) - r.first_at) as f64 / 1e9;
        let (lossy, worst) = match self.every_message_to_all {
            true => self.losses(r, got),
            false => (0, 0),
        };
        let total = shared.total().max(1) as f64;
        let record_bytes = match got.measured {
            0 => 0.0,
            _ => (got.bytes as f64 / total).round(),
        };
        let mut json = json!({
            "subscribers": self.up,
            "expected": expected,
            "delivered": got.measured,
            "lost": expected.saturating_sub(got.measured),
            "duplicated": got.dup,
            "out_of_order": got.late + got.old,
            "deliveries_per_s": (got.measured as f64 / elapsed).round(),
            "elapsed_s": round(elapsed),
            "drain_s": round(r.drain_s),
            "drained": r.drained,
            "subscribers_with_loss": lossy,
            "worst_subscriber_lost": worst,
            "connections_lost": self.connections_lost,
            "record_bytes": record_bytes,
            "reads_per_delivery": round(got.reads as f64 / total),
        });
        let oddities = [
            ("too_old_to_judge", got.old),
            ("stale", got.stale),
            ("unmarked_invocations", got.unmarked),
            ("surplus", got.measured.saturating_sub(expected)),
        ];
        for (name, count) in oddities.into_iter().filter(|(_, count)| *count > 0) {
            json[name] = json!(count);
        }
        if !self.every_message_to_all {
            json["deliveries_per_message"] = json!(self.per_message);
        }
        json
    }

    /// How many subscribers missed something, and how much the worst of them did.
    fn losses(&self, r: &PubResult, got: &FanResult) -> (u64, u64) {
        let (mut lossy, mut worst, mut heard) = (0, 0, 0);
        for s in got.subs.iter().filter(|s| s.max > 0 || got.measured == 0) {
            let lost = r.published.saturating_sub(s.got);
            lossy += (lost > 0) as u64;
            worst = worst.max(lost);
            heard += 1;
        }
        let silent = self.up.saturating_sub(heard);
        if silent > 0 && r.published > 0 {
            return (lossy + silent, r.published);
        }
        (lossy, worst)
    }
}
