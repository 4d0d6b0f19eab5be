//! The arithmetic of one key. The script of [`shared`](super::shared) does the same in Redis.

use std::time::Duration;

use super::{Decision, Limit};

/// Two counters: of the window `number`, and of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    number: u64,
    count: u64,
    previous: u64,
}

impl Window {
    /// Decides, and counts if it admits. `now` is in milliseconds of any clock that does not go
    /// back.
    pub fn take(&mut self, now: u64, limit: Limit, permits: u32) -> Decision {
        let length = milliseconds(limit);
        self.advance(now / length);
        let passed = now % length;
        let used = self.used(length, passed);
        let (limit, permits) = (u64::from(limit.permits), u64::from(permits));
        if used + permits <= limit {
            self.count += permits;
            let left = limit - used - permits;
            return Decision::Admitted { left: left as u32 };
        }
        let wait = self.wait(length, passed, limit, permits);
        Decision::Limited {
            retry_after: Duration::from_millis(wait),
        }
    }

    /// Nothing of it counts any more.
    pub fn is_over(&self, now: u64, limit: Limit) -> bool {
        now / milliseconds(limit) > self.number + 1
    }

    fn advance(&mut self, number: u64) {
        if number == self.number {
            return;
        }
        let follows = number == self.number + 1;
        self.previous = if follows { self.count } else { 0 };
        self.count = 0;
        self.number = number;
    }

    /// Rounded up: a part of a permit is a permit.
    fn used(&self, length: u64, passed: u64) -> u64 {
        (self.previous * (length - passed)).div_ceil(length) + self.count
    }

    /// Until `permits` fit, if nobody else takes any.
    fn wait(&self, length: u64, passed: u64, limit: u64, permits: u64) -> u64 {
        let Some(room) = limit.checked_sub(permits) else {
            return length;
        };
        // How far into a window until `count` of the one before has faded to `room`.
        let fade = |count: u64, room: u64| match count {
            0 => 0,
            _ => length - (room.min(count) * length) / count,
        };
        match room.checked_sub(self.count) {
            Some(room) => fade(self.previous, room).saturating_sub(passed).max(1),
            None => length - passed + fade(self.count, room),
        }
    }
}

fn milliseconds(limit: Limit) -> u64 {
    u64::try_from(limit.window.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Limit = Limit {
        permits: 10,
        window: Duration::from_secs(1),
    };

    fn limited(milliseconds: u64) -> Decision {
        Decision::Limited {
            retry_after: Duration::from_millis(milliseconds),
        }
    }

    #[test]
    fn the_window_slides() {
        let mut window = Window::default();
        assert_eq!(window.take(900, LIMIT, 10), Decision::Admitted { left: 0 });
        // In the next window all ten count, then less and less.
        assert_eq!(window.take(900, LIMIT, 1), limited(200));
        assert_eq!(window.take(1_000, LIMIT, 1), limited(100));
        assert_eq!(window.take(1_100, LIMIT, 1), Decision::Admitted { left: 0 });
        assert_eq!(window.take(1_500, LIMIT, 4), Decision::Admitted { left: 0 });
        assert_eq!(
            window.take(3_000, LIMIT, 10),
            Decision::Admitted { left: 0 }
        );
    }

    #[test]
    fn more_than_the_limit_is_never_admitted() {
        assert_eq!(Window::default().take(0, LIMIT, 11), limited(1_000));
    }

    proptest! {
        /// Whoever waits as told is admitted, and not much sooner.
        #[test]
        fn the_wait_is_right(
            takes in prop::collection::vec((0u64..700, 1u32..5), 1..60),
            permits in 1u32..=10,
        ) {
            let (mut window, mut now) = (Window::default(), 0);
            for (pause, permits) in takes {
                now += pause;
                window.take(now, LIMIT, permits);
            }
            if let Decision::Limited { retry_after } = window.take(now, LIMIT, permits) {
                let wait = retry_after.as_millis() as u64;
                prop_assert!(wait > 0 && wait <= 2_000);
                let admitted = |after: u64| {
                    matches!({ window }.take(now + after, LIMIT, permits), Decision::Admitted { .. })
                };
                prop_assert!(admitted(wait));
                prop_assert!(wait < 3 || !admitted(wait - 2));
            }
        }
    }
}
