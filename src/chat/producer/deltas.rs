//! Joins deltas that come quickly one after the other. The first one is never delayed.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Reasoning,
}

/// What waits to be said. A delta waits at most `join`, and only if another was said within that time.
pub struct Deltas {
    join: Duration,
    waiting: Option<(Kind, String)>,
    /// From when on something may be said at once.
    free_at: Option<Instant>,
}

impl Deltas {
    pub fn new(join: Duration) -> Self {
        Self {
            join,
            waiting: None,
            free_at: None,
        }
    }

    pub fn holds_other_than(&self, kind: Kind) -> bool {
        self.waiting.as_ref().is_some_and(|(held, _)| *held != kind)
    }

    pub fn push(&mut self, kind: Kind, text: &str) {
        match &mut self.waiting {
            Some((_, waiting)) => waiting.push_str(text),
            None => self.waiting = Some((kind, text.to_owned())),
        }
    }

    /// When what waits must be said; a moment in the past if it need not wait at all.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.as_ref()?;
        Some(self.free_at.unwrap_or_else(Instant::now))
    }

    /// What is said now.
    pub fn take(&mut self, now: Instant) -> Option<(Kind, String)> {
        let taken = self.waiting.take()?;
        self.free_at = Some(now + self.join);
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_is_said_at_once_and_later_ones_wait_for_each_other() {
        let join = Duration::from_millis(40);
        let mut deltas = Deltas::new(join);
        let begin = Instant::now();
        deltas.push(Kind::Text, "a");
        assert_eq!(deltas.due(), Some(begin));
        assert_eq!(deltas.take(begin), Some((Kind::Text, "a".into())));

        deltas.push(Kind::Text, "b");
        assert_eq!(deltas.due(), Some(begin + join));
        deltas.push(Kind::Text, "c");
        assert_eq!(deltas.take(begin + join), Some((Kind::Text, "bc".into())));
        assert_eq!(deltas.due(), None);

        tokio::time::advance(join * 3).await;
        deltas.push(Kind::Text, "slow");
        assert!(
            deltas.due().is_some_and(|due| due <= Instant::now()),
            "slow tokens are not delayed"
        );
    }
}
