//! The backtest hub's promises, one by one, with a clock that is moved by hand.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

use super::*;
use crate::problem::{Code, Problem};
use crate::signalr::protocol::Protocol;
use crate::trading::clock::Clock;
use crate::trading::commands::{Answer, ExecuteCommand, Failure, WorkerLink};
use crate::trading::fleet::Missing;
use crate::trading::ids::Id;
use crate::trading::now::{Now, read};
use crate::trading::paging::PageRequest;
use crate::trading::report::Receipt;
use crate::trading::subscribing::{Seen, Since, Viewer};
use crate::trading::workers::Reporter;

const MEGABYTE: usize = 1024 * 1024;

/// A worker that agrees to everything.
struct Agreeing;

impl WorkerLink for Agreeing {
    fn execute<'a>(
        &'a self,
        _: &'a str,
        _: &'a ExecuteCommand,
    ) -> LocalBoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async { Ok(Answer::done()) })
    }
}

struct Desk {
    clock: Clock,
    backtests: Arc<BacktestService>,
}

fn desk() -> Desk {
    let clock = Clock::manual();
    let backtests = BacktestService::new(clock.clone(), Arc::new(Agreeing), None, MEGABYTE);
    Desk { clock, backtests }
}

fn id(id: &str) -> Id {
    id.into()
}

fn queued(bundle: &str) -> Value {
    json!({"type": "BacktestQueued", "bundleId": bundle, "name": "test", "strategy": "x"})
}

fn started() -> Value {
    json!({"type": "BacktestStarted"})
}

fn progress(pct: f64) -> Value {
    json!({"type": "BacktestProgress", "pct": pct, "candlesTotal": 100})
}

fn equity(from: usize, values: &[f64]) -> Value {
    let points: Vec<_> = values
        .iter()
        .map(|equity| json!({"t": "2026-01-01T00:00:00Z", "equity": equity}))
        .collect();
    json!({"type": "EquityPoints", "fromIndex": from, "points": points})
}

fn completed() -> Value {
    json!({"type": "BacktestCompleted", "statistics": {"sharpe": 1.5}})
}

impl Desk {
    fn try_report(&self, backtest: &str, events: Vec<Value>) -> Result<Receipt, Problem> {
        let reporter = Reporter::Connection(id("w1"));
        let live = &self.backtests.live;
        live.report(&reporter, &id(backtest), events, None, Missing::Make)
            .now()
    }

    fn report(&self, backtest: &str, events: Vec<Value>) -> Receipt {
        self.try_report(backtest, events)
            .expect("the report is good")
    }

    fn register(&self, backtest: &str) {
        let (worker, backtests) = (id("w1"), [id(backtest)]);
        let registered = self.backtests.register(&worker, &backtests);
        registered.now().expect("is registered");
    }

    fn watch(&self, selection: &Selection, since: &Since) -> Value {
        let viewer = Viewer {
            connection: id("v"),
            protocol: Protocol::Json,
        };
        let subscribed = self.backtests.subscribe(&viewer, selection, since);
        let (answer, gate, _) = subscribed.now();
        self.backtests.live.delivering.open(gate);
        read(&answer)
    }

    fn delivered(&self) -> Vec<(&'static str, Value)> {
        self.backtests.live.tick();
        let deliveries = self.backtests.live.delivering.drain();
        let read = |body: &[u8]| serde_json::from_slice(body).expect("bodies are JSON");
        deliveries
            .iter()
            .map(|delivery| (delivery.target, read(&delivery.body)))
            .collect()
    }

    fn names(&self) -> Vec<&'static str> {
        self.delivered().into_iter().map(|(name, _)| name).collect()
    }

    fn get(&self, backtest: &str) -> BacktestSnapshot {
        self.backtests.live.get(backtest).now().expect("is there")
    }

    async fn cancel(&self, backtest: &str) -> Option<String> {
        let outcome = self.backtests.cancel(&id(backtest)).await;
        let outcome = outcome.expect("is answered");
        assert_eq!(outcome.ok, outcome.code.is_none());
        outcome.code
    }
}

#[test]
fn progress_never_goes_back_is_paced_and_ends_at_1_before_the_end() {
    let desk = desk();
    desk.report("b", vec![started()]);
    desk.watch(&Selection::default(), &Since::new());
    let mut shown = Vec::new();
    for step in 1..=50 {
        desk.report("b", vec![progress(f64::from(step) / 50.0 * 0.9)]);
        desk.report("b", vec![progress(0.01)]);
        shown.extend(desk.delivered());
        desk.clock.advance(20);
    }
    desk.report("b", vec![completed()]);
    let end = desk.delivered();
    let pct: Vec<f64> = shown
        .iter()
        .map(|(_, event)| event["pct"].as_f64().expect("a number"))
        .collect();
    assert!(pct.len() <= 5, "{pct:?}");
    assert!(pct.is_sorted(), "{pct:?}");
    assert_eq!(end[end.len() - 2].0, "BacktestProgress");
    assert_eq!(end[end.len() - 2].1["pct"], 1.0);
    assert_eq!(end[end.len() - 1].0, "BacktestCompleted");
    assert_eq!(desk.get("b").progress.candles_done, Some(100));
}

#[test]
fn a_failed_backtest_keeps_its_last_progress() {
    let desk = desk();
    desk.report("b", vec![started(), progress(0.3)]);
    desk.watch(&Selection::default(), &Since::new());
    let failed = json!({"type": "BacktestFailed", "code": "x", "message": "", "retryable": false});
    desk.report("b", vec![progress(0.4), failed]);
    assert_eq!(desk.names(), ["BacktestProgress", "BacktestFailed"]);
    assert_eq!(desk.get("b").progress.pct, 0.4);
    desk.clock.advance(20_000);
    assert_eq!(desk.names(), [""; 0]);
}

#[test]
fn an_overlapping_chunk_replaces_and_a_hole_refuses_the_report() {
    let desk = desk();
    desk.report("b", vec![equity(0, &[1.0, 2.0, 3.0])]);
    desk.report("b", vec![equity(2, &[30.0, 40.0]), equity(4, &[50.0])]);
    desk.report("b", vec![equity(0, &[10.0])]);
    let hole = desk.try_report("b", vec![completed(), started(), equity(1, &[0.0])]);
    assert_eq!(
        hole.map_err(|it| it.code),
        Err(Code::InvalidRequest),
        "anew"
    );
    let hole = desk.try_report("b", vec![equity(5, &[6.0]), equity(7, &[0.0])]);
    assert_eq!(hole.map_err(|it| it.code), Err(Code::InvalidRequest));
    let curve: Vec<f64> = desk
        .get("b")
        .equity
        .expect("a whole snapshot")
        .iter()
        .map(|point| point.equity)
        .collect();
    assert_eq!(curve, [10.0, 2.0, 30.0, 40.0, 50.0]);
    assert!(desk.try_report("new", vec![equity(1, &[0.0])]).is_err());
    assert!(
        desk.backtests.live.get("new").now().is_err(),
        "nothing was created"
    );
}

#[test]
fn a_finished_backtest_is_one_snapshot_for_a_returning_viewer() {
    let desk = desk();
    let epoch = desk.report("b", vec![queued("x"), started()]).epoch;
    let since = Since::from([(
        "b".to_owned(),
        Seen {
            epoch: epoch.as_str().to_owned(),
            seq: 1,
        },
    )]);
    let answer = desk.watch(&Selection::default(), &since);
    assert_eq!(answer["snapshots"], json!([]));
    assert_eq!(answer["events"][0]["type"], "BacktestStarted");
    desk.report("b", vec![equity(0, &[1.0]), completed()]);
    let answer = desk.watch(&Selection::default(), &since);
    assert_eq!(answer["events"], json!([]));
    let snapshot = &answer["snapshots"][0];
    assert_eq!(
        (&snapshot["seq"], &snapshot["state"]),
        (&json!(4), &json!("completed"))
    );
    let late = desk.try_report("b", vec![equity(1, &[2.0])]);
    assert_eq!(late.map_err(|it| it.code), Err(Code::InvalidRequest));
}

#[test]
fn a_bundle_counts_its_backtests_and_shows_new_members() {
    let desk = desk();
    let selection = Selection {
        bundle_id: Some(id("x")),
        ..Selection::default()
    };
    desk.watch(&selection, &Since::new());
    desk.report("a", vec![queued("x")]);
    desk.report("other", vec![queued("y")]);
    assert_eq!(
        desk.names(),
        ["BacktestSnapshot", "BacktestQueued", "BundleUpdated"]
    );
    desk.report("b", vec![queued("x"), started(), progress(0.5)]);
    desk.report("a", vec![started(), completed()]);
    desk.clock.advance(300);
    let delivered = desk.delivered();
    let mut updates = delivered
        .iter()
        .filter(|(name, _)| *name == "BundleUpdated");
    let (_, last) = updates.next_back().expect("an update");
    assert_eq!((&last["total"], &last["completed"]), (&json!(2), &json!(1)));
    assert_eq!((&last["running"], &last["pct"]), (&json!(1), &json!(0.75)));
    assert!(last["seq"].is_null());
    let answer = desk.watch(&selection, &Since::new());
    assert_eq!(answer["snapshots"].as_array().map(Vec::len), Some(2));
    assert_eq!(answer["bundles"][0]["pct"], 0.75);
}

#[test]
fn a_running_backtest_is_lost_10_s_after_its_worker_and_continues_in_a_new_epoch() {
    let desk = desk();
    desk.register("b");
    desk.register("waiting");
    let epoch = desk.report("b", vec![started(), equity(0, &[1.0])]).epoch;
    desk.clock.advance(3_600_000);
    desk.delivered();
    assert_eq!(desk.get("b").state, State::Running, "silent but connected");
    desk.backtests.live.disconnected(&id("w1"));
    desk.watch(&Selection::default(), &Since::new());
    desk.clock.advance(9_999);
    assert_eq!(desk.names(), [""; 0]);
    desk.clock.advance(1);
    let (name, event) = desk.delivered().remove(0);
    assert_eq!(
        (name, &event["code"]),
        ("BacktestFailed", &json!("worker_lost"))
    );
    assert_eq!(event["retryable"], true);
    assert_eq!(desk.get("waiting").state, State::Queued);

    desk.register("b");
    let receipt = desk.report("b", vec![equity(1, &[2.0])]);
    assert_ne!(receipt.epoch, epoch);
    assert_eq!(receipt.seqs, [1]);
    assert_eq!(desk.names(), ["BacktestSnapshot", "EquityPoints"]);
    let snapshot = desk.get("b");
    assert_eq!(snapshot.equity.map(|curve| curve.len()), Some(2));
    assert_eq!(snapshot.state, State::Running);
    assert!(snapshot.error.is_none());
}

#[test]
fn without_a_worker_reports_keep_a_backtest_alive() {
    let desk = desk();
    desk.report("b", vec![started()]);
    for _ in 0..5 {
        desk.clock.advance(9_000);
        desk.report("b", vec![]);
        desk.delivered();
        assert_eq!(desk.get("b").state, State::Running);
    }
    desk.clock.advance(10_000);
    desk.delivered();
    assert_eq!(desk.get("b").state, State::Failed);
}

#[tokio::test]
async fn a_cancelled_backtest_is_cancelled_once_whoever_says_so() {
    let desk = desk();
    desk.register("b");
    desk.report("b", vec![started()]);
    desk.watch(&Selection::default(), &Since::new());
    assert_eq!(desk.cancel("b").await, None);
    let own = json!({"type": "BacktestCancelled"});
    assert_eq!(desk.report("b", vec![own, started()]).seqs, [2, 2]);
    assert_eq!(desk.names(), ["BacktestCancelled"]);
    assert_eq!(desk.cancel("b").await.as_deref(), Some("already_finished"));
}

#[tokio::test]
async fn without_a_worker_only_queued_and_lost_ones_are_cancelled() {
    let desk = desk();
    desk.report("queued", vec![queued("x")]);
    assert_eq!(desk.cancel("queued").await, None);
    assert_eq!(desk.get("queued").state, State::Cancelled);
    desk.report("running", vec![started()]);
    assert_eq!(desk.cancel("running").await.as_deref(), Some("worker_gone"));
    desk.clock.advance(10_000);
    desk.delivered();
    assert_eq!(desk.cancel("running").await, None);
    assert_eq!(desk.get("running").state, State::Cancelled);
    let unknown = desk.backtests.cancel(&id("x")).await;
    assert_eq!(unknown.map_err(|it| it.code), Err(Code::NotFound));
}

#[test]
fn lists_are_paged_newest_first_and_filtered() {
    let desk = desk();
    for n in 0..7 {
        let events = if n % 2 == 0 { vec![started()] } else { vec![] };
        desk.report(&format!("b{n}"), [vec![queued("x")], events].concat());
    }
    let page = |cursor: Option<String>, state| {
        let request = PageRequest {
            cursor,
            limit: Some(2),
        };
        let bundle = id("x");
        let page = desk.backtests.list(Some(&bundle), state, &request);
        page.now().expect("a page")
    };
    let ids = |page: &crate::trading::paging::Page<BacktestSnapshot>| -> Vec<String> {
        page.items.iter().map(|it| it.backtest_id.clone()).collect()
    };
    let first = page(None, Some(State::Running));
    assert_eq!(ids(&first), ["b6", "b4"]);
    assert!(first.items[0].equity.is_none());
    let second = page(first.next_cursor, Some(State::Running));
    assert_eq!(ids(&second), ["b2", "b0"]);
    assert_eq!(second.next_cursor, None);
}

#[test]
fn a_finished_curve_among_very_many_is_thinned_and_keeps_its_ends() {
    let desk = desk();
    let points: Vec<f64> = (0..1_000).map(f64::from).collect();
    desk.report("done", vec![equity(0, &points), completed()]);
    desk.report("open", vec![equity(0, &points)]);
    let curve = |answer: &Value, backtest: &str| {
        let snapshots = answer["snapshots"].as_array().expect("an array");
        let found = snapshots.iter().find(|it| it["backtestId"] == backtest);
        found.expect("is there")["equity"]
            .as_array()
            .cloned()
            .expect("a curve")
    };
    let few = desk.watch(&Selection::default(), &Since::new());
    assert_eq!(curve(&few, "done").len(), 1_000);
    for number in 0..1_000 {
        desk.report(&format!("other-{number}"), vec![queued("x")]);
    }
    let many = desk.watch(&Selection::default(), &Since::new());
    let thinned = curve(&many, "done");
    assert_eq!(thinned.len(), 100);
    assert_eq!(
        (&thinned[0], &thinned[99]),
        (&curve(&few, "done")[0], &curve(&few, "done")[999])
    );
    assert_eq!(
        curve(&many, "open").len(),
        1_000,
        "its points keep their places"
    );
}
