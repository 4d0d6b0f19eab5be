//! Values of which only the latest counts: profit, balances, candles, signs of life.

use serde_json::{Map, Value};

use super::bot::Bot;
use super::event::{Balance, BotEvent, Candle, Pnl};
use crate::trading::clock::Timestamp;
use crate::trading::pace::Conflation;
use crate::trading::subject::Scribe;

/// Between two values of one key. With the timer's slack this stays below the 250 ms promised.
const INTERVAL: u64 = 200;

/// What waits for its turn to be shown.
#[derive(Debug)]
pub struct Latest(Conflation<Key, (Timestamp, Change)>);

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
enum Change {
    Heartbeat(Map<String, Value>),
    Pnl(Pnl),
    Balance(Balance),
    Candle(Candle),
}

impl Default for Latest {
    fn default() -> Self {
        Self(Conflation::new(INTERVAL))
    }
}

impl Latest {
    /// The tick at which the next value may be shown.
    pub fn next_due(&self) -> Option<u64> {
        self.0.next_due()
    }

    /// Takes a value in, unless a newer one was here before.
    fn offer(&mut self, key: Key, ts: Timestamp, change: Change, age: Timestamp) -> bool {
        self.0.offer(key, (ts, change), age)
    }
}

/// Shows what is due.
pub fn let_out(scribe: &mut Scribe<'_, '_, Bot>) {
    let now = scribe.now;
    for (key, (ts, change)) in scribe.state().latest.0.take_due(now) {
        let key = key.name();
        match &change {
            Change::Heartbeat(more) => scribe.conflated(&key, "BotHeartbeat", ts, more),
            Change::Pnl(pnl) => scribe.conflated(&key, "PnlUpdated", ts, pnl),
            Change::Balance(it) => scribe.conflated(&key, "BalanceChanged", ts, it),
            Change::Candle(candle) => scribe.conflated(&key, "CandleClosed", ts, candle),
        }
    }
}

/// A value that is older than one of the same key that came before changes nothing.
pub fn take(bot: &mut Bot, ts: Timestamp, event: BotEvent) {
    match event {
        BotEvent::BotHeartbeat(mut more) => {
            // These are the server's to say.
            for member in ["botId", "epoch", "seq", "ts", "type"] {
                more.remove(member);
            }
            let change = Change::Heartbeat(more);
            bot.latest.offer(Key::Heartbeat, ts, change, ts);
        }
        BotEvent::PnlUpdated(report) => {
            let mut pnl = bot.view.pnl.clone();
            pnl.merge(&report);
            let change = Change::Pnl(pnl.clone());
            if bot.latest.offer(Key::Pnl, ts, change, ts) {
                bot.view.pnl = pnl;
            }
        }
        BotEvent::BalanceChanged(balance) => {
            let key = Key::Balance(balance.currency.clone());
            let change = Change::Balance(balance.clone());
            if bot.latest.offer(key, ts, change, ts) {
                bot.view.apply_balance(&balance);
            }
        }
        BotEvent::CandleClosed(candle) => {
            let key = Key::Candle(candle.symbol.clone(), candle.interval.clone());
            let age = candle.open_time;
            bot.latest.offer(key, ts, Change::Candle(candle), age);
        }
        _ => {}
    }
}
