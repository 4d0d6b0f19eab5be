//! The bot hub's promises, one by one, with a clock that is moved by hand.

mod many;
mod workers;

use std::sync::{Arc, Mutex};

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

use super::*;
use crate::problem::Code;
use crate::signalr::protocol::Protocol;
use crate::trading::audience::Gate;
use crate::trading::clock::Clock;
use crate::trading::commands::{Answer, ExecuteCommand, Failure, WorkerLink};
use crate::trading::fleet::Missing;
use crate::trading::ids::Id;
use crate::trading::now::{Now, read};
use crate::trading::paging::PageRequest;
use crate::trading::report::Receipt;
use crate::trading::subscribing::{Seen, Since, Viewer};
use crate::trading::workers::Reporter;

/// Bytes of history.
const HISTORY: usize = 4 * 1024 * 1024;

/// Answers commands as it was told to, and remembers them.
#[derive(Default)]
struct Worker {
    asked: Mutex<Vec<ExecuteCommand>>,
    answer: Mutex<Option<Result<Answer, Failure>>>,
}

impl WorkerLink for Worker {
    fn execute<'a>(
        &'a self,
        _: &'a str,
        command: &'a ExecuteCommand,
    ) -> LocalBoxFuture<'a, Result<Answer, Failure>> {
        self.asked
            .lock()
            .expect("not poisoned")
            .push(command.clone());
        let answer = self.answer.lock().expect("not poisoned").clone();
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

struct Desk {
    clock: Clock,
    worker: Arc<Worker>,
    bots: Arc<BotService>,
}

fn desk() -> Desk {
    let (clock, worker) = (Clock::manual(), Arc::new(Worker::default()));
    let bots = BotService::new(clock.clone(), worker.clone(), None, HISTORY);
    Desk {
        clock,
        worker,
        bots,
    }
}

fn id(id: &str) -> Id {
    id.into()
}

fn trade(trade_id: &str) -> Value {
    json!({"type": "TradeEvent", "tradeId": trade_id, "symbol": "BTC/USDT", "side": "buy",
        "price": 100.5, "quantity": 1})
}

fn pnl(total: f64) -> Value {
    json!({"type": "PnlUpdated", "total": total, "winRate": 0.5, "currency": "USDT"})
}

fn status(state: &str) -> Value {
    json!({"type": "BotStatus", "state": state})
}

impl Desk {
    fn report_as(&self, reporter: &Reporter, bot: &str, events: Vec<Value>) -> Receipt {
        self.try_report(reporter, bot, events, None)
            .expect("the report is good")
    }

    fn report(&self, bot: &str, events: Vec<Value>) -> Receipt {
        self.report_as(&Reporter::Connection(id("w1")), bot, events)
    }

    fn try_report(
        &self,
        reporter: &Reporter,
        bot: &str,
        events: Vec<Value>,
        key: Option<&str>,
    ) -> Result<Receipt, crate::problem::Problem> {
        let key = key.map(str::to_owned);
        let live = &self.bots.live;
        live.report(reporter, &id(bot), events, key, Missing::Make)
            .now()
    }

    /// Subscribes and lets the answer leave.
    fn watch(&self, viewer: &str, bots: &[&str], since: &Since) -> (Vec<Value>, Vec<Value>) {
        let (answer, gate) = self.subscribe(viewer, bots, since);
        self.bots.live.delivering.open(gate);
        let items = |name: &str| answer[name].as_array().expect("an array").clone();
        (items("snapshots"), items("events"))
    }

    /// Subscribes; the answer has not left yet.
    fn subscribe(&self, viewer: &str, bots: &[&str], since: &Since) -> (Value, Arc<Gate>) {
        let ids = bots.iter().map(|bot| id(bot)).collect();
        let ids = (!bots.is_empty()).then_some(ids);
        let viewer = Viewer {
            connection: id(viewer),
            protocol: Protocol::Json,
        };
        let (answer, gate, _) = self.bots.subscribe(&viewer, ids, since).now();
        (read(&answer), gate)
    }

    /// What reached whom since the last time, after what is due was done.
    fn delivered(&self) -> Vec<(&'static str, Value)> {
        self.bots.live.tick();
        let deliveries = self.bots.live.delivering.drain();
        let read = |body: &[u8]| serde_json::from_slice(body).expect("bodies are JSON");
        deliveries
            .iter()
            .map(|delivery| (delivery.target, read(&delivery.body)))
            .collect()
    }

    fn names(&self) -> Vec<&'static str> {
        self.delivered().into_iter().map(|(name, _)| name).collect()
    }
}

#[test]
fn a_viewer_gets_a_snapshot_and_then_every_event_from_the_next_seq() {
    let desk = desk();
    desk.report("b", vec![trade("t1"), trade("t2")]);
    let (snapshots, _) = desk.watch("v", &["b"], &Since::new());
    let snapshot = &snapshots[0];
    assert_eq!(snapshot["seq"], 2);
    assert_eq!(snapshot["lastTrades"].as_array().map(Vec::len), Some(2));
    desk.report("b", vec![trade("t3")]);
    let delivered = desk.delivered();
    assert_eq!(delivered.len(), 1);
    let (name, event) = &delivered[0];
    assert_eq!((*name, &event["seq"]), ("TradeEvent", &json!(3)));
    assert_eq!(event["botId"], "b");
    assert_eq!(event["epoch"], snapshot["epoch"]);
    assert_eq!(event["tradeId"], "t3");
    assert_eq!(event["ts"], "1970-01-01T00:00:00.000Z");
}

#[test]
fn what_happens_before_the_answer_has_left_comes_after_it_once() {
    let desk = desk();
    desk.report("b", vec![trade("t1")]);
    let (answer, gate) = desk.subscribe("v", &["b"], &Since::new());
    assert_eq!(answer["snapshots"][0]["seq"], 1);
    desk.report("b", vec![trade("t2")]);
    assert_eq!(desk.names(), [""; 0]);
    desk.report("b", vec![trade("t3")]);
    desk.bots.live.delivering.open(gate);
    desk.report("b", vec![trade("t4")]);
    let delivered = desk.delivered();
    let seqs: Vec<_> = delivered
        .iter()
        .map(|(_, event)| event["seq"].as_u64())
        .collect();
    assert_eq!(seqs, [Some(2), Some(3), Some(4)]);
}

#[test]
fn an_unknown_bot_shows_first_as_a_snapshot() {
    let desk = desk();
    assert_eq!(desk.watch("v", &["b"], &Since::new()).0.len(), 0);
    desk.report("b", vec![trade("t1")]);
    assert_eq!(desk.names(), ["BotSnapshot", "TradeEvent"]);
    desk.watch("all", &[], &Since::new());
    desk.bots
        .register(&id("w2"), &[id("new")], None)
        .now()
        .expect("is registered");
    assert_eq!(desk.names(), ["BotSnapshot"]);
}

#[test]
fn a_returning_viewer_gets_only_what_it_missed() {
    let desk = desk();
    let epoch = desk
        .report("b", vec![trade("t1"), trade("t2"), pnl(7.0)])
        .epoch;
    let seen = |epoch: &str, seq| {
        let epoch = epoch.to_owned();
        Since::from([("b".to_owned(), Seen { epoch, seq })])
    };
    let (snapshots, events) = desk.watch("v", &["b"], &seen(epoch.as_str(), 1));
    assert_eq!(snapshots.len(), 0);
    let missed: Vec<_> = events
        .iter()
        .map(|event| (&event["type"], &event["seq"]))
        .collect();
    assert_eq!(
        missed,
        [
            (&json!("TradeEvent"), &json!(2)),
            (&json!("PnlUpdated"), &json!(2))
        ]
    );
    for unknown in [seen(epoch.as_str(), 3), seen("another", 1)] {
        let (snapshots, events) = desk.watch("v", &["b"], &unknown);
        assert_eq!((snapshots.len(), events.len()), (1, 0));
    }
}

#[test]
fn conflated_values_leave_at_once_and_then_the_latest_within_250_ms() {
    let desk = desk();
    desk.report("b", vec![trade("t1")]);
    desk.watch("v", &["b"], &Since::new());
    let receipt = desk.report("b", vec![pnl(1.0), pnl(2.0)]);
    assert_eq!(receipt.seqs, [1, 1], "they do not advance the log");
    desk.report("b", vec![pnl(3.0)]);
    desk.report("b", vec![pnl(4.0)]);
    let delivered = desk.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].1["total"], 2.0);
    desk.clock.advance(220);
    let delivered = desk.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].1["total"], 4.0);
    assert_eq!(delivered[0].1["seq"], 1);
    assert_eq!(
        desk.bots.live.get("b").now().expect("is there").pnl.total,
        4.0
    );
}

#[test]
fn an_older_value_changes_nothing() {
    let desk = desk();
    let at = |total, ts: &str| {
        let mut event = pnl(total);
        event["ts"] = json!(ts);
        event
    };
    desk.report("b", vec![at(2.0, "2026-01-01T00:00:02Z")]);
    desk.clock.advance(1_000);
    desk.watch("v", &["b"], &Since::new());
    desk.report("b", vec![at(1.0, "2026-01-01T00:00:01Z")]);
    assert_eq!(desk.names(), [""; 0]);
    assert_eq!(
        desk.bots.live.get("b").now().expect("is there").pnl.total,
        2.0
    );
}

#[test]
fn a_flood_of_log_lines_is_thinned_for_viewers_but_kept_for_pages() {
    let desk = desk();
    desk.report("b", vec![]);
    desk.watch("v", &["b"], &Since::new());
    let line = |n: usize| json!({"type": "LogLine", "level": "info", "message": n.to_string()});
    desk.report("b", (0..100).map(line).collect());
    assert_eq!(desk.names().len(), 50);
    desk.clock.advance(1_000);
    desk.report("b", vec![line(100)]);
    assert_eq!(desk.delivered()[0].1["dropped"], 50);
    let page = desk
        .bots
        .logs("b", &Default::default())
        .now()
        .expect("a page");
    assert_eq!(page.items[0].item.message, "100");
    assert!(page.next_cursor.is_some());
}

#[test]
fn a_silent_bot_becomes_stale_and_the_next_sign_of_life_restores_it() {
    let desk = desk();
    let worker = Reporter::Connection(id("w1"));
    desk.bots
        .register(&id("w1"), &[id("b")], Some(1_000))
        .now()
        .expect("is registered");
    desk.report("b", vec![status("running")]);
    desk.watch("v", &["b"], &Since::new());
    desk.clock.advance(1_999);
    assert_eq!(desk.names(), [""; 0]);
    desk.clock.advance(1);
    let delivered = desk.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].1["state"], "stale");
    assert_eq!(delivered[0].1["lastState"], "running");
    assert_eq!(delivered[0].1["seq"], 2);
    let snapshot = desk.bots.live.get("b").now().expect("is there");
    assert_eq!(
        (snapshot.last_state, snapshot.age_ms),
        (Some(State::Running), 2_000)
    );

    let more = serde_json::Map::from_iter([("cpu".to_owned(), json!(0.5))]);
    let receipt = desk.bots.heartbeat(&worker, &id("b"), more).now();
    assert_eq!(receipt.expect("is registered").seqs, [3]);
    let delivered = desk.delivered();
    assert_eq!(delivered[0].1["state"], "running");
    assert_eq!(delivered[1].0, "BotHeartbeat");
    assert_eq!(delivered[1].1["cpu"], 0.5);
    desk.clock.advance(2_000);
    assert_eq!(desk.delivered()[0].1["state"], "stale", "again");
}

#[test]
fn a_producer_over_http_may_be_silent_for_30_seconds() {
    let desk = desk();
    desk.report_as(&Reporter::Http, "b", vec![status("running")]);
    desk.clock.advance(29_999);
    desk.delivered();
    assert_eq!(
        desk.bots.live.get("b").now().expect("is there").state,
        State::Running
    );
    desk.clock.advance(1);
    desk.delivered();
    assert_eq!(
        desk.bots.live.get("b").now().expect("is there").state,
        State::Stale
    );
}

#[test]
fn a_repeated_key_gives_the_first_answer_and_another_content_a_conflict() {
    let desk = desk();
    let report = |events| desk.try_report(&Reporter::Http, "b", events, Some("k"));
    let first = report(vec![trade("t1")]).expect("the first");
    assert_eq!(report(vec![trade("t1")]), Ok(first));
    let conflict = report(vec![trade("t2")]).map_err(|problem| problem.code);
    assert_eq!(conflict, Err(Code::IdempotencyConflict));
    assert_eq!(desk.bots.live.get("b").now().expect("is there").seq, 1);
}

#[test]
fn a_refused_report_creates_and_stores_nothing() {
    let desk = desk();
    let events = vec![trade("t1"), json!({"type": "Nonsense"})];
    let refused = desk.try_report(&Reporter::Http, "b", events, None);
    assert_eq!(refused.map_err(|it| it.code), Err(Code::InvalidRequest));
    assert!(desk.bots.list().now().is_ok_and(|bots| bots.is_empty()));
}
