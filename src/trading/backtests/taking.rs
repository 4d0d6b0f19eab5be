//! How reported events change a backtest and what viewers see of it.

use smallvec::smallvec;

use super::backtest::Backtest;
use super::bundles;
use super::course::Course;
use super::event::{
    BacktestEvent, Completed, EquityPoint, EquityPoints, Failure, Nothing, ProgressReport, Queued,
    State, TradeBatch,
};
use crate::trading::bots::{LogLine, Numbered};
use crate::trading::clock::Timestamp;
use crate::trading::ids::Id;
use crate::trading::subject::{Reported, Scribe};

type BacktestScribe<'a, 'w> = Scribe<'a, 'w, Backtest>;

/// Takes an event of a report that was checked as a whole. Answers its number.
pub fn follow_course(
    scribe: &mut BacktestScribe<'_, '_>,
    Reported { ts, event }: Reported<BacktestEvent>,
) -> u64 {
    let ts = ts.unwrap_or(scribe.now.wall);
    match scribe.state().standing().next(&event) {
        Err(_) | Ok(Course::Ignore) => return scribe.seq(),
        Ok(Course::Take) => {}
        Ok(Course::Restart) => {
            scribe.state().start_anew();
            begin_epoch(scribe);
        }
        Ok(Course::Continue) => {
            let backtest = scribe.state();
            backtest.state = State::Running;
            backtest.error = None;
            begin_epoch(scribe);
        }
    }
    take(scribe, ts, event)
}

/// The server's `BacktestFailed`, or the worker's.
pub fn fail(scribe: &mut BacktestScribe<'_, '_>, ts: Timestamp, failure: Failure) -> u64 {
    show_last_progress(scribe);
    scribe.state().state = State::Failed;
    let seq = scribe.durable("BacktestFailed", ts, &failure);
    scribe.state().error = Some(failure);
    seq
}

/// The server's `BacktestCancelled`, or the worker's.
pub fn cancel(scribe: &mut BacktestScribe<'_, '_>, ts: Timestamp) -> u64 {
    show_last_progress(scribe);
    let backtest = scribe.state();
    backtest.state = State::Cancelled;
    backtest.error = None;
    scribe.durable("BacktestCancelled", ts, &Nothing {})
}

pub fn show_progress(scribe: &mut BacktestScribe<'_, '_>, ts: Timestamp) {
    let backtest = scribe.state();
    backtest.has_shown_end = backtest.progress.pct >= 1.0;
    let progress = backtest.progress.clone();
    scribe.conflated("progress", "BacktestProgress", ts, &progress);
}

/// The first event of a new epoch is a snapshot.
fn begin_epoch(scribe: &mut BacktestScribe<'_, '_>) {
    scribe.restart();
    scribe.show_snapshot();
}

fn take(scribe: &mut BacktestScribe<'_, '_>, ts: Timestamp, event: BacktestEvent) -> u64 {
    match event {
        BacktestEvent::BacktestQueued(queued) => queue(scribe, ts, queued.without_reserved()),
        BacktestEvent::BacktestStarted(nothing) => {
            scribe.state().state = State::Running;
            scribe.durable("BacktestStarted", ts, &nothing)
        }
        BacktestEvent::EquityPoints(chunk) => {
            let backtest = scribe.state();
            backtest.state = State::Running;
            replace_points(&mut backtest.equity, &chunk);
            scribe.durable("EquityPoints", ts, &chunk)
        }
        BacktestEvent::TradeBatch(batch) => take_trades(scribe, ts, batch),
        BacktestEvent::BacktestCompleted(completed) => complete(scribe, ts, &completed),
        BacktestEvent::BacktestFailed(failure) => fail(scribe, ts, failure),
        BacktestEvent::BacktestCancelled(_) => cancel(scribe, ts),
        BacktestEvent::BacktestProgress(report) => {
            take_progress(scribe.state(), ts, report);
            scribe.seq()
        }
        BacktestEvent::BacktestLog(line) => take_line(scribe, ts, line),
    }
}

fn queue(scribe: &mut BacktestScribe<'_, '_>, ts: Timestamp, queued: Queued) -> u64 {
    if queued.name.is_some() {
        scribe.state().name.clone_from(&queued.name);
    }
    if let Some(bundle) = queued.bundle_id.as_deref() {
        join_bundle(scribe, bundle.into());
    }
    scribe.durable("BacktestQueued", ts, &queued)
}

/// Viewers of the bundle are shown what is new to them before its next event.
pub fn join_bundle(scribe: &mut BacktestScribe<'_, '_>, bundle: Id) {
    let (id, shared) = (scribe.id().clone(), scribe.shared);
    let before = scribe.state().bundle.replace(bundle.clone());
    if before.as_ref() == Some(&bundle) {
        return;
    }
    if let Some(before) = before {
        shared.bundles.leave(&before, &id);
    }
    scribe.show_snapshot_to(smallvec![bundles::topic(&bundle)], false);
}

fn take_trades(scribe: &mut BacktestScribe<'_, '_>, ts: Timestamp, batch: TradeBatch) -> u64 {
    let seq = scribe.durable("TradeBatch", ts, &batch);
    let backtest = scribe.state();
    backtest.state = State::Running;
    keep_trades(backtest, seq, ts, batch);
    seq
}

pub fn keep_trades(backtest: &mut Backtest, seq: u64, ts: Timestamp, batch: TradeBatch) {
    backtest.trade_count += batch.trades.len();
    for item in batch.trades {
        let cost = 64 * (item.len() + 1);
        backtest.trades.push(Numbered { seq, ts, item }, cost);
    }
}

/// Progress ends at 100 %, before the end itself.
fn complete(scribe: &mut BacktestScribe<'_, '_>, ts: Timestamp, completed: &Completed) -> u64 {
    let backtest = scribe.state();
    backtest.pace.take_waiting(&());
    backtest.progress.complete();
    if !backtest.has_shown_end {
        show_progress(scribe, ts);
    }
    let backtest = scribe.state();
    backtest.state = State::Completed;
    backtest.statistics = Some(completed.statistics.clone());
    scribe.durable("BacktestCompleted", ts, completed)
}

fn take_progress(backtest: &mut Backtest, ts: Timestamp, report: ProgressReport) {
    backtest.state = State::Running;
    if report.pct >= backtest.progress.pct {
        backtest.progress.merge(report);
        // There is one worker and it reports in order.
        backtest.pace.offer((), ts, Timestamp(0));
    }
}

fn take_line(scribe: &mut BacktestScribe<'_, '_>, ts: Timestamp, mut line: LogLine) -> u64 {
    let now = scribe.now;
    if let Some(dropped) = scribe.state().lines.admit(now) {
        line.dropped = dropped;
        scribe.lossy("BacktestLog", ts, &line);
    }
    let seq = scribe.seq();
    keep_line(scribe.state(), seq, ts, line);
    seq
}

pub fn keep_line(backtest: &mut Backtest, seq: u64, ts: Timestamp, line: LogLine) {
    let cost = 64 + line.message.len();
    let item = Numbered {
        seq,
        ts,
        item: line,
    };
    backtest.logs.push(item, cost);
}

fn show_last_progress(scribe: &mut BacktestScribe<'_, '_>) {
    if let Some(ts) = scribe.state().pace.take_waiting(&()) {
        show_progress(scribe, ts);
    }
}

pub fn replace_points(curve: &mut Vec<EquityPoint>, chunk: &EquityPoints) {
    let known = (curve.len() - chunk.from_index).min(chunk.points.len());
    let (replacing, new) = chunk.points.split_at(known);
    curve[chunk.from_index..][..known].copy_from_slice(replacing);
    curve.extend_from_slice(new);
}
