//! When the way out opens and closes.
//!
//! A message that is published before the other instances have subscribed again reaches nobody,
//! and nobody is told. So after Redis came back the way opens only when as many instances as before
//! are subscribed, or some time after this one is.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tracing::{info, warn};

use super::outgoing::Outgoing;
use crate::redis::{RedisService, State};

/// How long the other instances are waited for once this one is subscribed.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often they are counted meanwhile.
const POLL: Duration = Duration::from_millis(50);
/// How often they are counted while all is well.
const COUNT: Duration = Duration::from_secs(1);
/// A number that has just grown may grow on: a fleet that starts together, or a rolling restart.
const GROWING: Duration = Duration::from_secs(5);
/// How often messages that wait too long are looked for.
const EXPIRY: Duration = Duration::from_secs(1);

/// Opens and closes the way of one hub. `all` is the channel that every instance subscribes to.
pub(super) async fn run(redis: RedisService, outgoing: Arc<Outgoing>, all: String) {
    let channel = [all];
    let mut states = redis.watch();
    let mut instances = Instances::default();
    // Whoever meets Redis at once may be the first of the fleet.
    let mut expected = is_there(&mut states).await.then_some(1);
    loop {
        tokio::select! {
            () = opening(&redis, &mut states, &outgoing, &channel, expected) => {}
            () = expiring(&outgoing) => {}
        }
        tokio::select! {
            () = until(&mut states, |state| !state.is_up()) => {
                warn!(hub_channel = channel[0], "⚠️ Messages to other instances wait for Redis");
            }
            () = outgoing.closed() => {}
            () = counting(&redis, &channel, &mut instances) => {}
        }
        outgoing.close();
        expected = instances.expected(Instant::now());
    }
}

/// How many instances there were when they were counted last.
#[derive(Default)]
struct Instances {
    count: u64,
    grown: Option<Instant>,
}

impl Instances {
    /// At least this one.
    fn counted(&mut self, count: u64, now: Instant) {
        if count > self.count {
            self.grown = Some(now);
        }
        self.count = count.max(1);
    }

    /// How many will come back after an outage, if that is known.
    fn expected(&self, now: Instant) -> Option<u64> {
        let grown = self.grown?;
        (now.duration_since(grown) >= GROWING).then_some(self.count)
    }
}

/// Whether the first attempt reaches Redis. One that comes late has met the others late as well.
async fn is_there(states: &mut watch::Receiver<State>) -> bool {
    let mut is_there = false;
    until(states, |state| {
        is_there = matches!(state, State::Restoring | State::Up);
        is_there || matches!(state, State::Down { .. })
    })
    .await;
    is_there
}

/// Ends when the way is open. `instances`: how many there were when they were counted last, if ever.
async fn opening(
    redis: &RedisService,
    states: &mut watch::Receiver<State>,
    outgoing: &Outgoing,
    channel: &[String],
    instances: Option<u64>,
) {
    loop {
        until(states, State::is_up).await;
        let attempt = async {
            let _ = timeout(PATIENCE, subscribed(redis, channel, instances)).await;
            outgoing.open().await;
        };
        let mut states = states.clone();
        tokio::select! {
            () = attempt => break,
            () = until(&mut states, |state| !state.is_up()) => {}
        }
    }
    info!(
        hub_channel = channel[0],
        "Messages to other instances go out"
    );
}

/// Ends when so many instances are subscribed; never, if nobody knows how many there are.
async fn subscribed(redis: &RedisService, channel: &[String], instances: Option<u64>) {
    let Some(instances) = instances else {
        return std::future::pending().await;
    };
    loop {
        if count(redis, channel)
            .await
            .is_some_and(|count| count >= instances)
        {
            return;
        }
        sleep(POLL).await;
    }
}

/// Keeps the number of instances. Never ends.
async fn counting(redis: &RedisService, channel: &[String], instances: &mut Instances) {
    loop {
        if let Some(count) = count(redis, channel).await {
            instances.counted(count, Instant::now());
        }
        sleep(COUNT).await;
    }
}

async fn count(redis: &RedisService, channel: &[String]) -> Option<u64> {
    let counts = redis.pub_sub().subscriber_counts(channel).await;
    counts.ok()?.first().copied()
}

/// Never ends.
async fn expiring(outgoing: &Outgoing) {
    let mut ticks = interval(EXPIRY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        outgoing.expire();
    }
}

/// Ends when the state is so; never if the service has stopped before.
async fn until(states: &mut watch::Receiver<State>, is_so: impl FnMut(&State) -> bool) {
    if states.wait_for(is_so).await.is_err() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_has_just_grown_is_not_relied_on() {
        let mut instances = Instances::default();
        let begin = Instant::now();
        assert_eq!(instances.expected(begin), None);
        instances.counted(1, begin);
        instances.counted(3, begin + COUNT);
        assert_eq!(instances.expected(begin + GROWING), None);
        let later = begin + COUNT + GROWING;
        assert_eq!(instances.expected(later), Some(3));
        // One leaves and is replaced.
        instances.counted(2, later);
        assert_eq!(instances.expected(later), Some(2));
        instances.counted(3, later);
        assert_eq!(instances.expected(later), None);
    }
}
