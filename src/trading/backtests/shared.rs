//! What all backtests have in common: their order, and their bundles.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bundles::Bundles;
use crate::trading::clock::Moment;
use crate::trading::ids::Id;
use crate::trading::subject::About;

/// Backtests that may be made in one millisecond before their numbers run ahead of the clock.
const NUMBERS_PER_MILLISECOND_BITS: u32 = 12;

/// What all backtests have in common.
#[derive(Debug, Default)]
pub struct SharedState {
    pub bundles: Bundles,
    index: Mutex<BTreeSet<(u64, Id)>>,
}

impl SharedState {
    /// All backtests in the order they came, by their numbers.
    pub fn index(&self) -> MutexGuard<'_, BTreeSet<(u64, Id)>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a new one is to tell of itself. Numbers follow time, so that those of all instances are in one order, and one instance's
    /// never meet.
    pub fn next(&self, now: Moment) -> About {
        let last = self.index().last().map_or(0, |(number, _)| *number);
        let milliseconds = u64::try_from(now.wall.0).unwrap_or_default();
        About {
            created: now.wall,
            number: (milliseconds << NUMBERS_PER_MILLISECOND_BITS).max(last + 1),
        }
    }
}
