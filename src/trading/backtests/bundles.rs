//! Bundles: backtests that belong together, counted as they change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use super::event::State;
use crate::trading::clock::{Moment, Timestamp};
use crate::trading::ids::Id;

/// Between two `BundleUpdated` of one bundle.
const INTERVAL: u64 = 200;

/// What a bundle's viewers subscribed to. No id has a control character.
pub fn topic(bundle_id: &str) -> Id {
    format!("\u{1}{bundle_id}").into()
}

/// How a bundle stands. Finished backtests count as done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BundleUpdated {
    pub bundle_id: String,
    pub ts: Timestamp,
    pub total: usize,
    pub queued: usize,
    pub running: usize,
    pub completed: usize,
    pub failed: usize,
    pub cancelled: usize,
    pub pct: f64,
}

/// What counts about one backtest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    pub state: State,
    pub pct: f64,
}

impl Part {
    fn done(&self) -> f64 {
        if self.state.is_finished() {
            1.0
        } else {
            self.pct
        }
    }
}

#[derive(Debug, Default)]
struct Bundle {
    parts: HashMap<Id, Part, ahash::RandomState>,
    counts: [usize; 5],
    done: f64,
    free_from: u64,
    is_news: bool,
}

#[derive(Debug, Default)]
pub struct Bundles(Mutex<HashMap<Id, Bundle, ahash::RandomState>>);

impl Bundles {
    /// Notes how a backtest of the bundle stands. `show` is called with what viewers are to see
    /// now, under the lock; answers when there will be more to see.
    pub fn update(
        &self,
        bundle_id: &Id,
        backtest_id: &Id,
        part: Part,
        now: Moment,
        show: impl FnOnce(Bytes),
    ) -> Option<u64> {
        let mut bundles = self.lock();
        let bundle = bundles.entry(bundle_id.clone()).or_default();
        let before = bundle.parts.insert(backtest_id.clone(), part);
        if before != Some(part) {
            bundle.count(before, Some(part));
        }
        if !bundle.is_news {
            return None;
        }
        if bundle.free_from > now.tick {
            return Some(bundle.free_from);
        }
        bundle.is_news = false;
        bundle.free_from = now.tick + INTERVAL;
        let news = bundle.summary(bundle_id, now);
        show(serde_json::to_vec(&news).unwrap_or_default().into());
        None
    }

    /// The backtest is of this bundle no more.
    pub fn leave(&self, bundle_id: &Id, backtest_id: &Id) {
        let mut bundles = self.lock();
        let Some(bundle) = bundles.get_mut(bundle_id) else {
            return;
        };
        let before = bundle.parts.remove(backtest_id);
        bundle.count(before, None);
        if bundle.parts.is_empty() {
            bundles.remove(bundle_id);
        }
    }

    /// The bundle that is asked for, all if none is named, each with a look at it under the lock.
    pub fn read(
        &self,
        bundle_id: Option<&Id>,
        now: Moment,
        mut look: impl FnMut(&Id),
    ) -> Vec<BundleUpdated> {
        let bundles = self.lock();
        let wanted = bundles
            .iter()
            .filter(|(id, _)| bundle_id.is_none_or(|wanted| wanted == *id));
        wanted
            .map(|(id, bundle)| {
                look(id);
                bundle.summary(id, now)
            })
            .collect()
    }

    /// The backtests of a bundle.
    pub fn members(&self, bundle_id: &Id) -> Vec<Id> {
        let bundles = self.lock();
        let bundle = bundles.get(bundle_id);
        bundle.map_or_else(Vec::new, |bundle| bundle.parts.keys().cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Bundle, ahash::RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bundle {
    fn count(&mut self, before: Option<Part>, after: Option<Part>) {
        self.is_news = true;
        if let Some(before) = before {
            self.counts[before.state as usize] -= 1;
            self.done -= before.done();
        }
        if let Some(after) = after {
            self.counts[after.state as usize] += 1;
            self.done += after.done();
        }
    }

    fn summary(&self, bundle_id: &Id, now: Moment) -> BundleUpdated {
        let total = self.parts.len();
        let [queued, running, completed, failed, cancelled] = self.counts;
        let is_done = total > 0 && completed + failed + cancelled == total;
        let pct = self.done / total.max(1) as f64;
        BundleUpdated {
            bundle_id: bundle_id.to_string(),
            ts: now.wall,
            total,
            queued,
            running,
            completed,
            failed,
            cancelled,
            // Sums of fractions are not exact; the end is.
            pct: if is_done { 1.0 } else { pct.clamp(0.0, 1.0) },
        }
    }
}
