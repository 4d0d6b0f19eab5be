//! A bound on what many logs, or their states, keep together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What many holders may take together, in bytes. Each counts by a [`Share`].
///
/// While they take more than that, whoever adds something gives up its oldest until it has no more
/// than an equal part: so the busiest lose history first, who rests keeps what it has, and together
/// they never take more than twice the budget. Nobody looks at another holder, so no lock of one is
/// taken for another.
#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    taken: AtomicUsize,
    holders: AtomicUsize,
}

/// What one holder takes of a [`Budget`]; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    taken: usize,
}

impl Budget {
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes,
            taken: AtomicUsize::new(0),
            holders: AtomicUsize::new(0),
        })
    }

    /// A part of it for one more holder, who has nothing yet.
    pub fn share(self: &Arc<Self>) -> Share {
        self.holders.fetch_add(1, Ordering::Relaxed);
        Share {
            budget: self.clone(),
            taken: 0,
        }
    }

    /// What all holders take.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Share {
    /// The holder takes so much now.
    pub fn set(&mut self, taken: usize) {
        let all = &self.budget.taken;
        if taken >= self.taken {
            all.fetch_add(taken - self.taken, Ordering::Relaxed);
        } else {
            all.fetch_sub(self.taken - taken, Ordering::Relaxed);
        }
        self.taken = taken;
    }

    /// Whether the holder is to give something up.
    pub fn is_too_large(&self) -> bool {
        let budget = &self.budget;
        let holders = budget.holders.load(Ordering::Relaxed).max(1);
        budget.taken() > budget.bytes && self.taken > budget.bytes / holders
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
        self.budget.holders.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds, then gives up one by one as holders do.
    fn add(share: &mut Share, held: &mut usize, more: usize) {
        *held += more;
        share.set(*held);
        while share.is_too_large() {
            *held -= 1;
            share.set(*held);
        }
    }

    #[test]
    fn one_holder_may_have_all_and_gives_way_to_others_as_it_goes_on() {
        let budget = Budget::new(100);
        let (mut one, mut held) = (budget.share(), 0);
        add(&mut one, &mut held, 250);
        assert_eq!(held, 100);
        let (mut other, mut held_by_other) = (budget.share(), 0);
        add(&mut other, &mut held_by_other, 80);
        assert_eq!(held_by_other, 50, "an equal part is always free");
        assert_eq!(held, 100, "who rests keeps what it has");
        add(&mut one, &mut held, 1);
        assert_eq!((held, budget.taken()), (50, 100));
    }

    #[test]
    fn what_is_dropped_is_given_back() {
        let budget = Budget::new(100);
        let mut shares: Vec<Share> = (0..10).map(|_| budget.share()).collect();
        shares.iter_mut().for_each(|share| share.set(30));
        assert_eq!(budget.taken(), 300);
        shares.truncate(1);
        assert_eq!(budget.taken(), 30);
        assert!(!shares[0].is_too_large());
    }
}
