//! What viewers of backtests can ask for, and what they are answered.

use super::bundles::{self, BundleUpdated};
use super::snapshot::BacktestSnapshot;
use crate::signalr::protocol::{Encode, EncodeError, Protocol, encode_object};
use crate::trading::ids::Id;
use crate::trading::subscribing::Subscribed;

/// What a subscription is answered with: as for bots, and how the bundles stand.
#[derive(Debug)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SubscribedBacktests {
    #[cfg_attr(test, ts(flatten))]
    pub backtests: Subscribed<BacktestSnapshot>,
    pub bundles: Vec<BundleUpdated>,
}

impl Encode for SubscribedBacktests {
    fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let [snapshots, events] = self.backtests.members();
        let bundles: (&str, &dyn Encode) = ("bundles", &self.bundles);
        encode_object(protocol, out, &[snapshots, events, bundles])
    }
}

/// What a viewer wants to see; all if it names nothing.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub backtest_ids: Option<Vec<Id>>,
    pub bundle_id: Option<Id>,
}

impl Selection {
    pub fn topics(&self) -> Option<Vec<Id>> {
        if self.backtest_ids.is_none() && self.bundle_id.is_none() {
            return None;
        }
        let mut topics = self.backtest_ids.clone().unwrap_or_default();
        topics.extend(self.bundle_id.as_deref().map(bundles::topic));
        Some(topics)
    }

    /// Whether bundles can be seen through it.
    pub fn shows_bundles(&self) -> bool {
        self.bundle_id.is_some() || self.backtest_ids.is_none()
    }
}
