//! What an event means for a backtest, given where it stands: pure rules, used both to check a
//! whole report before anything is changed and to take it in.

use super::event::{BacktestEvent, State};

/// The most points of an equity curve.
const MAXIMUM_POINTS: usize = 100_000;

/// As much of a backtest as the rules need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub state: State,
    /// Failed only because its worker was lost.
    pub is_lost: bool,
    pub points: usize,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    Take,
    /// It comes too late to matter.
    Ignore,
    /// The backtest begins anew, in a new epoch.
    Restart,
    /// The worker is back: the backtest goes on, in a new epoch.
    Continue,
}

impl Standing {
    /// The course of the next event; moves on as if it were taken.
    pub fn next(&mut self, event: &BacktestEvent) -> Result<Course, String> {
        let course = self.course(event)?;
        match course {
            Course::Ignore => return Ok(course),
            Course::Take => {}
            Course::Restart => *self = Self::queued(),
            Course::Continue => {
                self.state = State::Running;
                self.is_lost = false;
            }
        }
        self.advance(event)?;
        Ok(course)
    }

    fn queued() -> Self {
        Self {
            state: State::Queued,
            is_lost: false,
            points: 0,
        }
    }

    fn course(&self, event: &BacktestEvent) -> Result<Course, String> {
        use BacktestEvent as E;
        Ok(match (self.state, event) {
            (State::Queued, _) | (_, E::BacktestLog(_)) => Course::Take,
            (_, E::BacktestQueued(_)) => Course::Restart,
            (State::Running, _) => Course::Take,
            (State::Failed, _) if self.is_lost => Course::Continue,
            // A cancelled one is not resurrected by what was under way.
            (State::Cancelled, _) => Course::Ignore,
            (_, E::BacktestStarted(_)) => Course::Restart,
            (_, E::BacktestProgress(_)) => Course::Ignore,
            _ => return Err("the backtest is finished".to_owned()),
        })
    }

    fn advance(&mut self, event: &BacktestEvent) -> Result<(), String> {
        use BacktestEvent as E;
        self.state = match event {
            E::BacktestLog(_) => self.state,
            E::BacktestQueued(_) => State::Queued,
            E::BacktestCompleted(_) => State::Completed,
            E::BacktestFailed(_) => State::Failed,
            E::BacktestCancelled(_) => State::Cancelled,
            // Whatever else is reported, it is under way.
            _ => State::Running,
        };
        let E::EquityPoints(chunk) = event else {
            return Ok(());
        };
        if chunk.from_index > self.points {
            let points = self.points;
            return Err(format!("`fromIndex` leaves a hole after {points} points"));
        }
        self.points = self.points.max(chunk.from_index + chunk.points.len());
        if self.points > MAXIMUM_POINTS {
            return Err(format!("a curve has at most {MAXIMUM_POINTS} points"));
        }
        Ok(())
    }
}
