//! How far behind viewers are: what one second brought, and the worst of several.

use std::fmt;

/// The delays of one second's events, in milliseconds.
#[derive(Debug, Default)]
pub struct Second(Vec<i64>);

/// Several seconds. A percentile over all of them would hide a bad one, so the worst counts.
#[derive(Debug, Default)]
pub struct Figures {
    seconds: usize,
    events: usize,
    medians: Vec<i64>,
    /// The highest 99th percentile of a second.
    worst: i64,
    highest: i64,
}

impl Second {
    pub fn add(&mut self, delay: i64) {
        self.0.push(delay);
    }

    fn at(&self, part: f64) -> i64 {
        let index = (self.0.len() as f64 * part) as usize;
        self.0.get(index).or(self.0.last()).copied().unwrap_or(0)
    }
}

impl Figures {
    pub fn add(&mut self, mut second: Second) {
        second.0.sort_unstable();
        self.seconds += 1;
        self.events += second.0.len();
        self.medians.push(second.at(0.5));
        self.worst = self.worst.max(second.at(0.99));
        self.highest = self.highest.max(second.at(1.0));
    }

    pub fn seconds(&self) -> usize {
        self.seconds
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut medians = self.medians.clone();
        medians.sort_unstable();
        write!(
            f,
            "{} events/s seen, behind by {} ms (median), {} ms (99 % of the worst second), {} ms at most",
            self.events / self.seconds.max(1),
            medians.get(medians.len() / 2).copied().unwrap_or(0),
            self.worst,
            self.highest,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_second_is_not_hidden_by_good_ones() {
        let mut figures = Figures::default();
        for second in 0..5 {
            let mut delays = Second::default();
            (0..100).for_each(|_| delays.add(if second == 3 { 80 } else { 2 }));
            figures.add(delays);
        }
        let told = figures.to_string();
        assert_eq!(
            told,
            "100 events/s seen, behind by 2 ms (median), 80 ms (99 % of the worst second), 80 ms at most"
        );
    }
}
