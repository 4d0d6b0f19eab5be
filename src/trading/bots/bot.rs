//! A live bot: its view, its worker, and what waits to be said about it.

use bytes::Bytes;
use serde_json::{Map, Value};
use smallvec::{SmallVec, smallvec};

use super::check;
use super::copying::{self, Patience};
use super::event::{Balance, BotEvent, BotStatus, Candle, Pnl, State};
use super::view::{BotSnapshot, BotView, Numbered};
use crate::eventlog;
use crate::trading::clock::{Moment, Timestamp};
use crate::trading::deadlines::{Alarm, Deadline, Purpose};
use crate::trading::ids::Id;
use crate::trading::pace::{Conflation, LineBudget};
use crate::trading::subject::{About, At, Reported, Scribe, Subject};
use crate::trading::workers::{Registration, Reporter};

/// Between two values of one key. With the timer's slack this stays below the 250 ms promised.
const CONFLATION_INTERVAL: u64 = 200;
/// What a worker promises if it does not say.
pub const DEFAULT_HEARTBEAT: u64 = 5_000;
/// How long a producer that speaks HTTP may be silent.
const HTTP_SILENCE: u64 = 30_000;

/// What is conflated by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Heartbeat,
    Pnl,
    Balance(String),
    Candle(String, String),
}

impl Key {
    /// The key in the event log, where ids cannot be mistaken for it.
    fn name(&self) -> String {
        match self {
            Self::Heartbeat => "heartbeat".to_owned(),
            Self::Pnl => "pnl".to_owned(),
            Self::Balance(currency) => format!("balance\n{currency}"),
            Self::Candle(symbol, interval) => format!("candle\n{symbol}\n{interval}"),
        }
    }
}

#[derive(Debug)]
enum Latest {
    Heartbeat(Map<String, Value>),
    Pnl(Pnl),
    Balance(Balance),
    Candle(Candle),
}

#[derive(Debug)]
pub struct Bot {
    id: Id,
    pub view: BotView,
    registration: Option<Registration>,
    /// Whether a command is being carried out.
    pub is_commanded: bool,
    pub(super) last_seen: Moment,
    /// How long after `last_seen` it is stale.
    pub(super) patience: u64,
    conflation: Conflation<Key, (Timestamp, Latest)>,
    lines: LineBudget,
    flush: Alarm,
    silence: Alarm,
}

impl Subject for Bot {
    const ID_MEMBER: &'static str = "botId";
    const KIND: &'static str = "bots";
    const SNAPSHOT_EVENT: &'static str = "BotSnapshot";
    const REMOVED_EVENT: &'static str = "BotRemoved";
    const EVENTS: &'static [&'static str] = copying::EVENTS;
    type Event = BotEvent;
    type Snapshot = BotSnapshot;
    type Shared = ();

    fn new(id: Id, _: &About, now: Moment) -> Self {
        Self {
            id,
            view: BotView::default(),
            registration: None,
            is_commanded: false,
            last_seen: now,
            patience: 2 * DEFAULT_HEARTBEAT,
            conflation: Conflation::new(CONFLATION_INTERVAL),
            lines: LineBudget::new(now),
            flush: Alarm::default(),
            silence: Alarm::default(),
        }
    }

    fn restore(&mut self, state: &[u8]) -> serde_json::Result<()> {
        self.view = serde_json::from_slice(state)?;
        Ok(())
    }

    fn apply(&mut self, event: &eventlog::Event, now: Moment) {
        copying::apply(self, event, now);
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn topics(&self) -> SmallVec<[Id; 2]> {
        smallvec![self.id.clone()]
    }

    fn registration(&mut self) -> &mut Option<Registration> {
        &mut self.registration
    }

    fn snapshot_at(&self, at: At, arrays: bool) -> BotSnapshot {
        let age = at.now.tick.saturating_sub(self.last_seen.tick);
        let seen = (self.last_seen.wall, age);
        self.view.snapshot(&self.id, at, seen, arrays)
    }

    fn check_event(event: &BotEvent) -> Result<(), String> {
        check::check(event)
    }

    fn accept(
        scribe: &mut Scribe<'_, '_, Self>,
        reporter: &Reporter,
        events: Vec<Reported<BotEvent>>,
    ) -> Vec<u64> {
        sign_of_life(scribe, Some(reporter));
        let mut seqs = Vec::with_capacity(events.len());
        for Reported { ts, event } in events {
            seqs.push(take_event(scribe, ts, event));
        }
        seqs
    }

    /// The clock starts again: nobody could hear a sign of life meanwhile.
    fn on_taken_over(scribe: &mut Scribe<'_, '_, Self>) {
        scribe.state().last_seen = scribe.now;
    }

    fn on_worker_found(scribe: &mut Scribe<'_, '_, Self>) {
        set_patience(scribe, None);
    }

    fn on_registered(scribe: &mut Scribe<'_, '_, Self>) {
        sign_of_life(scribe, None);
    }

    /// Not stale yet: another worker may come in time.
    fn on_worker_gone(_: &mut Scribe<'_, '_, Self>) {}

    fn on_deadline(scribe: &mut Scribe<'_, '_, Self>, deadline: &Deadline) {
        let now = scribe.now;
        let bot = scribe.state();
        match deadline.purpose {
            // What is due leaves when the change is settled.
            Purpose::Flush => {
                bot.flush.rings(deadline);
            }
            Purpose::Silence => {
                let rings = bot.silence.rings(deadline);
                if rings && now.tick >= bot.stale_from() && bot.view.state != State::Stale {
                    become_stale(scribe);
                }
            }
        }
    }

    fn settle(scribe: &mut Scribe<'_, '_, Self>) {
        let now = scribe.now;
        for (key, (ts, latest)) in scribe.state().conflation.take_due(now) {
            let key = key.name();
            match &latest {
                Latest::Heartbeat(more) => scribe.conflated(&key, "BotHeartbeat", ts, more),
                Latest::Pnl(pnl) => scribe.conflated(&key, "PnlUpdated", ts, pnl),
                Latest::Balance(it) => scribe.conflated(&key, "BalanceChanged", ts, it),
                Latest::Candle(candle) => scribe.conflated(&key, "CandleClosed", ts, candle),
            }
        }
        let (id, deadlines) = (scribe.id().clone(), scribe.deadlines);
        let bot = scribe.state();
        if let Some(at) = bot.conflation.next_due() {
            bot.flush.set(deadlines, Purpose::Flush, &id, at);
        }
        if bot.view.state != State::Stale {
            let at = bot.stale_from();
            bot.silence.set(deadlines, Purpose::Silence, &id, at);
        }
    }
}

impl eventlog::Snapshot for Bot {
    fn snapshot(&self) -> Bytes {
        // Plain structs with finite numbers and string keys encode.
        serde_json::to_vec(&self.view).unwrap_or_default().into()
    }
}

impl Bot {
    fn stale_from(&self) -> u64 {
        self.last_seen.tick + self.patience
    }
}

/// Notes that the worker lives. `reporter` is none for a registration.
fn sign_of_life(scribe: &mut Scribe<'_, '_, Bot>, reporter: Option<&Reporter>) {
    let now = scribe.now;
    scribe.state().last_seen = now;
    set_patience(scribe, reporter);
    let bot = scribe.state();
    if bot.view.state == State::Stale {
        let state = bot.view.last_state.unwrap_or(State::Created);
        write_status(scribe, state, "the worker is back", None);
    }
}

fn set_patience(scribe: &mut Scribe<'_, '_, Bot>, reporter: Option<&Reporter>) {
    let bot = scribe.state();
    let patience = match (&bot.registration, reporter) {
        (Some(registration), _) => 2 * registration.heartbeat,
        (None, Some(Reporter::Http)) => HTTP_SILENCE,
        (None, _) => 2 * DEFAULT_HEARTBEAT,
    };
    if std::mem::replace(&mut bot.patience, patience) != patience {
        // Whoever takes the bot over goes on with it.
        scribe.remember(Patience::KEY, Patience::NAME, &Patience { patience });
    }
}

fn become_stale(scribe: &mut Scribe<'_, '_, Bot>) {
    let last_state = scribe.state().view.state;
    write_status(
        scribe,
        State::Stale,
        "no sign of life from the worker",
        Some(last_state),
    );
}

fn write_status(
    scribe: &mut Scribe<'_, '_, Bot>,
    state: State,
    reason: &str,
    last_state: Option<State>,
) {
    let status = BotStatus {
        state,
        reason: Some(reason.to_owned()),
        last_state,
        name: None,
    };
    scribe.state().view.apply_status(&status);
    scribe.durable("BotStatus", scribe.now.wall, &status);
}

fn take_event(scribe: &mut Scribe<'_, '_, Bot>, told: Option<Timestamp>, event: BotEvent) -> u64 {
    let ts = told.unwrap_or(scribe.now.wall);
    match event {
        BotEvent::BotStatus(status) => {
            scribe.state().view.apply_status(&status);
            scribe.durable("BotStatus", ts, &status)
        }
        BotEvent::PositionChanged(position) => {
            scribe.state().view.apply_position(&position);
            scribe.durable("PositionChanged", ts, &position)
        }
        BotEvent::OrderEvent(item) => {
            let seq = scribe.durable("OrderEvent", ts, &item);
            let order = Numbered { seq, ts, item };
            scribe.state().view.apply_order(order);
            seq
        }
        BotEvent::TradeEvent(item) => {
            let seq = scribe.durable("TradeEvent", ts, &item);
            let trade = Numbered { seq, ts, item };
            scribe.state().view.apply_trade(trade);
            seq
        }
        BotEvent::SignalEmitted(signal) => scribe.durable("SignalEmitted", ts, &signal),
        BotEvent::RiskEvent(risk) => scribe.durable("RiskEvent", ts, &risk),
        BotEvent::Alert(alert) => scribe.durable("Alert", ts, &alert),
        BotEvent::LogLine(mut line) => {
            let now = scribe.now;
            if let Some(dropped) = scribe.state().lines.admit(now) {
                line.dropped = dropped;
                scribe.lossy("LogLine", ts, &line);
            }
            let seq = scribe.seq();
            let item = Numbered {
                seq,
                ts,
                item: line,
            };
            scribe.state().view.apply_log(item);
            seq
        }
        conflated => {
            take_latest(scribe.state(), ts, conflated);
            scribe.seq()
        }
    }
}

/// A value that is older than one of the same key that came before changes nothing.
fn take_latest(bot: &mut Bot, ts: Timestamp, event: BotEvent) {
    match event {
        BotEvent::BotHeartbeat(mut more) => {
            // These are the server's to say.
            for member in ["botId", "epoch", "seq", "ts", "type"] {
                more.remove(member);
            }
            let latest = Latest::Heartbeat(more);
            bot.conflation.offer(Key::Heartbeat, (ts, latest), ts);
        }
        BotEvent::PnlUpdated(report) => {
            let mut pnl = bot.view.pnl.clone();
            pnl.merge(&report);
            let latest = Latest::Pnl(pnl.clone());
            if bot.conflation.offer(Key::Pnl, (ts, latest), ts) {
                bot.view.pnl = pnl;
            }
        }
        BotEvent::BalanceChanged(balance) => {
            let key = Key::Balance(balance.currency.clone());
            let latest = Latest::Balance(balance.clone());
            if bot.conflation.offer(key, (ts, latest), ts) {
                bot.view.apply_balance(&balance);
            }
        }
        BotEvent::CandleClosed(candle) => {
            let key = Key::Candle(candle.symbol.clone(), candle.interval.clone());
            let age = candle.open_time;
            let latest = Latest::Candle(candle);
            bot.conflation.offer(key, (ts, latest), age);
        }
        _ => {}
    }
}
