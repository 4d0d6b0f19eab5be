//! How much of what has happened bots or backtests keep in lists, together.

use std::sync::Arc;

use super::paging::Recent;
use super::subject::Subject;
use crate::eventlog::Budget;

/// A list of what has happened, whatever its items are.
pub trait History {
    /// What it takes in memory, roughly.
    fn bytes(&self) -> usize;
    /// Gives the oldest item up. False: there is only one, or none.
    fn forget_oldest(&mut self) -> bool;
}

impl<T: Clone> History for Recent<T> {
    fn bytes(&self) -> usize {
        self.cost()
    }

    fn forget_oldest(&mut self) -> bool {
        Recent::forget_oldest(self)
    }
}

/// Counts the lists of one bot or backtest, and shortens the largest while all keep too much.
pub fn keep_to_share<S: Subject>(subject: &mut S, memory: &Arc<Budget>) {
    let (share, mut lists) = subject.history();
    let share = share.get_or_insert_with(|| memory.share());
    loop {
        share.set(lists.iter().map(|list| list.bytes()).sum());
        let largest = lists.iter_mut().max_by_key(|list| list.bytes());
        let is_shortened = share.is_too_large() && largest.is_some_and(|it| it.forget_oldest());
        if !is_shortened {
            return;
        }
    }
}
