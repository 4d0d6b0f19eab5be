//! Who is known to live, and who has just died.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::{InstanceId, membership::Beat};

/// After Redis has forgotten this instance it has probably forgotten all; they get this long to
/// write themselves down again.
const GRACE: Duration = Duration::from_millis(super::membership::DEAD_AFTER_MS as u64);

/// What one heartbeat told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub dead: Vec<InstanceId>,
    /// Redis had lost this instance's entry, and so perhaps everything else.
    pub was_forgotten: bool,
}

/// The living, by what the heartbeats said.
pub(super) struct Roster {
    own: InstanceId,
    known: HashSet<InstanceId>,
    has_beaten: bool,
    /// Until then a missing instance is not taken for dead.
    grace: Option<Instant>,
}

impl Roster {
    pub fn new(own: InstanceId) -> Self {
        Self {
            own,
            known: HashSet::new(),
            has_beaten: false,
            grace: None,
        }
    }

    pub fn update(&mut self, beat: Beat, now: Instant) -> News {
        let was_forgotten = std::mem::replace(&mut self.has_beaten, true) && beat.is_new;
        if was_forgotten {
            self.grace = Some(now + GRACE);
        }
        let mut alive: HashSet<InstanceId> = beat.alive.into_iter().collect();
        alive.remove(&self.own);
        let missing = self.known.difference(&alive).cloned();
        let mut dead = Vec::new();
        if self.grace.is_some_and(|end| now < end) {
            let missing: Vec<InstanceId> = missing.collect();
            alive.extend(missing);
        } else {
            dead = missing.collect();
        }
        self.known = alive;
        News {
            dead,
            was_forgotten,
        }
    }

    /// Somebody is in touch with an instance, perhaps before the next heartbeat tells of it. Its
    /// death is news in any case.
    pub fn expect(&mut self, id: &InstanceId) {
        if *id != self.own && !self.known.contains(id) {
            self.known.insert(id.clone());
        }
    }

    /// An instance said goodbye. Whether it was known.
    pub fn remove(&mut self, id: &InstanceId) -> bool {
        self.known.remove(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> InstanceId {
        InstanceId::new(name)
    }

    fn beat(is_new: bool, alive: &[&str]) -> Beat {
        Beat {
            is_new,
            alive: alive.iter().map(|name| id(name)).collect(),
        }
    }

    #[test]
    fn a_missing_instance_is_dead_once() {
        let now = Instant::now();
        let mut roster = Roster::new(id("a"));
        assert_eq!(
            roster.update(beat(true, &["a", "b", "c"]), now),
            News::default()
        );
        let news = roster.update(beat(false, &["a", "c"]), now);
        assert_eq!(news.dead, [id("b")]);
        assert_eq!(
            roster.update(beat(false, &["a", "c"]), now),
            News::default()
        );
        assert!(roster.remove(&id("c")));
        assert_eq!(roster.update(beat(false, &["a"]), now), News::default());
    }

    #[test]
    fn after_redis_has_forgotten_everybody_the_others_get_time_to_come_back() {
        let now = Instant::now();
        let mut roster = Roster::new(id("a"));
        roster.update(beat(true, &["a", "b", "c"]), now);
        let news = roster.update(beat(true, &["a"]), now);
        assert_eq!((news.dead.len(), news.was_forgotten), (0, true));
        let soon = now + GRACE / 2;
        assert_eq!(
            roster.update(beat(false, &["a", "b"]), soon),
            News::default()
        );
        let news = roster.update(beat(false, &["a", "b"]), now + GRACE);
        assert_eq!(news.dead, [id("c")]);
    }
}
