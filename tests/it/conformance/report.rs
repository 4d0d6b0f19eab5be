//! What became of the scenarios, printed for people.

use std::time::Duration;

use super::compare::clip;
use super::runner::Failure;

pub struct Outcome {
    pub name: String,
    pub optional: Option<String>,
    pub failure: Option<Failure>,
    pub took: Duration,
}

#[derive(Default)]
pub struct Report {
    pub outcomes: Vec<Outcome>,
}

impl Report {
    pub fn merge(mut self, other: Self) -> Self {
        self.outcomes.extend(other.outcomes);
        self
    }
}

/// Prints what did not pass, and fails unless every required scenario did.
pub fn assert_passed(report: Report) {
    let (mut passed, mut other, mut failed) = (0, 0, 0);
    for outcome in &report.outcomes {
        match (&outcome.failure, &outcome.optional) {
            (None, _) => passed += 1,
            (Some(_), Some(why)) => {
                other += 1;
                println!("other {}: {why}", outcome.name);
            }
            (Some(failure), None) => {
                failed += 1;
                println!("FAIL  {}", describe(outcome, failure));
            }
        }
    }
    println!("{passed} passed, {other} optional ones differ, {failed} failed");
    assert!(passed > 0, "no scenario passed");
    assert_eq!(
        failed, 0,
        "{failed} scenarios differ from what was recorded"
    );
}

fn describe(outcome: &Outcome, failure: &Failure) -> String {
    let step = match &failure.step {
        Some(step) => format!("at {}", clip(step)),
        None => "at the end".to_owned(),
    };
    let took = outcome.took.as_millis();
    format!(
        "{} ({took} ms) {step}\n      {}",
        outcome.name, failure.mismatch.0
    )
}
