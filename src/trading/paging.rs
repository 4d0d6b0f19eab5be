//! Pages of a list, newest first, and the bounded history they are cut from.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

const DEFAULT_LIMIT: usize = 50;
const MAXIMUM_LIMIT: usize = 200;

/// What every paged list answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// What to ask with for the next page; `null` at the end.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// What a client asks a page with.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PageRequest {
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
    /// How many items; 200 at most.
    #[param(default = 50)]
    pub limit: Option<u64>,
}

impl PageRequest {
    /// How many items: 50 unless asked otherwise, at most 200, at least one.
    pub fn limit(&self) -> usize {
        let asked = self.limit.unwrap_or(DEFAULT_LIMIT as u64);
        asked.clamp(1, MAXIMUM_LIMIT as u64) as usize
    }

    /// Only items numbered below this are wanted.
    pub fn before(&self) -> Result<u64, Problem> {
        match &self.cursor {
            None => Ok(u64::MAX),
            Some(cursor) => cursor
                .parse()
                .map_err(|_| Problem::invalid("`cursor` is not one that this list gave out")),
        }
    }
}

/// Cuts a page out of numbered items that come newest first and are all below the cursor.
pub fn cut<T>(newest_first: impl Iterator<Item = (u64, T)>, limit: usize) -> Page<T> {
    let mut newest_first = newest_first.peekable();
    let mut items = Vec::new();
    let mut last = 0;
    while items.len() < limit {
        let Some((number, item)) = newest_first.next() else {
            break;
        };
        last = number;
        items.push(item);
    }
    Page {
        items,
        next_cursor: newest_first.peek().map(|_| last.to_string()),
    }
}

/// The newest items of a history, numbered in the order they came. The oldest go first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recent<T> {
    items: VecDeque<Numbered<T>>,
    maximum_items: usize,
    maximum_cost: usize,
    cost: usize,
    next: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Numbered<T> {
    number: u64,
    cost: usize,
    item: T,
}

impl<T: Clone> Recent<T> {
    /// `maximum_cost` bounds the sum of what [`Recent::push`] is told each item costs.
    pub fn new(maximum_items: usize, maximum_cost: usize) -> Self {
        Self {
            items: VecDeque::new(),
            maximum_items,
            maximum_cost,
            cost: 0,
            next: 1,
        }
    }

    pub fn push(&mut self, item: T, cost: usize) {
        let number = self.next;
        self.next += 1;
        self.cost += cost;
        self.items.push_back(Numbered { number, cost, item });
        while self.items.len() > 1
            && (self.items.len() > self.maximum_items || self.cost > self.maximum_cost)
        {
            self.pop_oldest();
        }
    }

    /// What it is told its items cost together.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Gives the oldest item up, if there is a newer one. Answers whether it did.
    pub fn forget_oldest(&mut self) -> bool {
        if self.items.len() < 2 {
            return false;
        }
        self.pop_oldest();
        true
    }

    fn pop_oldest(&mut self) {
        if let Some(oldest) = self.items.pop_front() {
            self.cost -= oldest.cost;
        }
    }

    /// Takes the item that `is_it` knows out again, looking at the newest first.
    pub fn take(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let index = self.items.iter().rposition(|kept| is_it(&kept.item))?;
        let taken = self.items.remove(index)?;
        self.cost -= taken.cost;
        Some(taken.item)
    }

    pub fn newest_first(&self) -> impl Iterator<Item = &T> {
        self.items.iter().rev().map(|kept| &kept.item)
    }

    pub fn page(&self, request: &PageRequest) -> Result<Page<T>, Problem> {
        let before = request.before()?;
        let end = self.items.partition_point(|kept| kept.number < before);
        let newest_first = self.items.range(..end).rev();
        Ok(cut(
            newest_first.map(|kept| (kept.number, kept.item.clone())),
            request.limit(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cursor: Option<&str>, limit: u64) -> PageRequest {
        PageRequest {
            cursor: cursor.map(str::to_owned),
            limit: Some(limit),
        }
    }

    #[test]
    fn pages_go_from_the_newest_to_the_oldest_without_a_hole() {
        let mut recent = Recent::new(5, usize::MAX);
        (1..=7).for_each(|item| recent.push(item, 1));
        let first = recent.page(&request(None, 2)).expect("a page");
        assert_eq!(first.items, [7, 6]);
        recent.push(8, 1);
        let cursor = first.next_cursor.as_deref();
        let second = recent.page(&request(cursor, 9)).expect("a page");
        assert_eq!((second.items, second.next_cursor), (vec![5, 4], None));
    }

    #[test]
    fn the_limit_is_50_by_default_and_200_at_most() {
        assert_eq!(PageRequest::default().limit(), 50);
        assert_eq!(request(None, 1_000_000).limit(), 200);
        assert_eq!(request(None, 0).limit(), 1);
        assert!(request(Some("x"), 1).before().is_err());
    }

    #[test]
    fn the_oldest_go_when_the_cost_is_too_high_but_the_newest_stays() {
        let mut recent = Recent::new(100, 10);
        recent.push("a", 6);
        recent.push("b", 6);
        recent.push("c", 99);
        assert_eq!(recent.newest_first().copied().collect::<Vec<_>>(), ["c"]);
    }
}
