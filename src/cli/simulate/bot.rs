//! One bot that trades a price that wanders.

use serde_json::{Value, json};

use super::random::{Random, cents};
use super::timestamp;

const SYMBOLS: [(&str, f64); 6] = [
    ("BTC/USDT", 64_000.0),
    ("ETH/USDT", 3_100.0),
    ("SOL/USDT", 150.0),
    ("BNB/USDT", 580.0),
    ("XRP/USDT", 0.6),
    ("ADA/USDT", 0.45),
];
const START_EQUITY: f64 = 10_000.0;
/// Steps that make a candle.
const CANDLE: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Paused,
    Stopped,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}

#[derive(Debug)]
struct OpenTrade {
    id: String,
    is_long: bool,
    quantity: f64,
    entry: f64,
    opened_at: String,
}

#[derive(Debug)]
struct Candle {
    opened_at: String,
    open: f64,
    high: f64,
    low: f64,
    steps: u32,
}

#[derive(Debug)]
pub struct Bot {
    pub id: String,
    symbol: &'static str,
    state: State,
    random: Random,
    price: f64,
    candle: Candle,
    open: Option<OpenTrade>,
    /// Ids go on where an earlier desk may have stopped.
    run: String,
    trades: u64,
    wins: u64,
    realized: f64,
    peak: f64,
}

/// What a command comes to: the answer and what it makes the bot report.
pub struct Done {
    pub answer: Value,
    pub events: Vec<Value>,
}

impl Bot {
    pub fn new(seed: u64, number: usize, run: &str) -> Self {
        let mut random = Random::new(seed, number as u64);
        let (symbol, price) = *random.pick(&SYMBOLS);
        Self {
            id: format!("bot-{seed}-{number}"),
            symbol,
            state: State::Running,
            random,
            price,
            candle: Candle::new(price),
            open: None,
            run: run.to_owned(),
            trades: 0,
            wins: 0,
            realized: 0.0,
            peak: START_EQUITY,
        }
    }

    /// What it says first.
    pub fn introduction(&self) -> Vec<Value> {
        vec![
            json!({"type": "BotStatus", "state": self.state.name(),
                "name": format!("Trend follower on {}", self.symbol)}),
            self.log("info", "ready".to_owned()),
        ]
    }

    /// One step of time.
    pub fn step(&mut self) -> Vec<Value> {
        let mut events = vec![json!({"type": "BotHeartbeat"})];
        self.price *= 1.0 + 0.001 * self.random.step();
        if self.candle.add(self.price) {
            let price = self.price;
            let candle = std::mem::replace(&mut self.candle, Candle::new(price));
            events.push(candle.event(self.symbol, price));
        }
        if self.state == State::Running {
            match &self.open {
                None if self.random.chance(0.15) => self.enter(&mut events),
                Some(_) if self.random.chance(0.2) => self.exit("take profit", &mut events),
                _ => {}
            }
        }
        events.push(self.pnl());
        events
    }

    /// Carries a command out, as far as this is possible.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Done {
        let mut events = Vec::new();
        let refused = |code: &str, message: &str| Done {
            answer: json!({"ok": false, "code": code, "message": message}),
            events: Vec::new(),
        };
        match (command, self.state) {
            ("start" | "resume", State::Running) => {
                return refused("already_running", "the bot is running");
            }
            ("pause", State::Paused) => return refused("already_paused", "the bot is paused"),
            ("pause", State::Stopped) => return refused("not_running", "the bot is stopped"),
            ("stop", State::Stopped) => return refused("already_stopped", "the bot is stopped"),
            ("resume", State::Stopped) => return refused("not_paused", "the bot is stopped"),
            ("start" | "resume", _) => self.become_state(State::Running, &mut events),
            ("pause", _) => self.become_state(State::Paused, &mut events),
            ("stop", _) => {
                if arguments["mode"] != "now" {
                    self.exit("stopping", &mut events);
                }
                self.become_state(State::Stopped, &mut events);
            }
            ("forceExit", _) => {
                let trade = self.open.as_ref().map(|trade| trade.id.as_str());
                if trade.is_none() || trade != arguments["tradeId"].as_str() {
                    return refused("unknown_trade", "this trade is not open");
                }
                self.exit("forced", &mut events);
            }
            _ => return refused("unknown_command", "this desk cannot do that"),
        }
        let answer = json!({"ok": true});
        Done { answer, events }
    }

    fn become_state(&mut self, state: State, events: &mut Vec<Value>) {
        self.state = state;
        events.push(json!({"type": "BotStatus", "state": state.name(), "reason": "as asked"}));
    }

    fn enter(&mut self, events: &mut Vec<Value>) {
        self.trades += 1;
        let trade = OpenTrade {
            id: format!("{}-{}", self.run, self.trades),
            is_long: self.random.chance(0.5),
            quantity: (1_000.0 / self.price * 1e4).round() / 1e4,
            entry: self.price,
            opened_at: timestamp(),
        };
        let (side, signal) = if trade.is_long {
            ("buy", "long")
        } else {
            ("sell", "short")
        };
        let strength = cents(self.random.unit());
        events.push(
            json!({"type": "SignalEmitted", "symbol": self.symbol, "signal": signal,
            "strength": strength}),
        );
        events.extend(self.filled_order(&trade, side, "entry"));
        events.push(
            json!({"type": "TradeEvent", "tradeId": trade.id, "symbol": self.symbol,
            "side": side, "price": round_price(trade.entry), "quantity": trade.quantity,
            "fee": cents(0.5), "openedAt": trade.opened_at}),
        );
        events.push(self.position(&trade, trade.quantity));
        events.push(self.log(
            "info",
            format!("{signal} {} at {:.4}", self.symbol, self.price),
        ));
        self.open = Some(trade);
    }

    fn exit(&mut self, why: &str, events: &mut Vec<Value>) {
        let Some(trade) = self.open.take() else {
            return;
        };
        let profit = cents(trade.profit(self.price) - 1.0);
        self.realized += profit;
        self.wins += u64::from(profit > 0.0);
        let side = if trade.is_long { "sell" } else { "buy" };
        events.extend(self.filled_order(&trade, side, "exit"));
        events.push(
            json!({"type": "TradeEvent", "tradeId": trade.id, "symbol": self.symbol,
            "side": side, "price": round_price(self.price), "quantity": trade.quantity,
            "fee": cents(1.0), "realizedPnl": profit, "openedAt": trade.opened_at,
            "closedAt": timestamp()}),
        );
        events.push(self.position(&trade, 0.0));
        events.push(self.log("info", format!("closed ({why}) with {profit:+.2} USDT")));
        if profit < -20.0 {
            events.push(json!({"type": "RiskEvent", "rule": "max-loss-per-trade",
                "level": "warning", "message": format!("lost {:.2} USDT", -profit)}));
        }
    }

    fn filled_order(&self, trade: &OpenTrade, side: &str, what: &str) -> [Value; 2] {
        let order = |status: &str, filled: f64| {
            json!({"type": "OrderEvent", "orderId": format!("{}-{what}", trade.id),
                "symbol": self.symbol, "side": side, "kind": "market", "status": status,
                "price": round_price(self.price), "quantity": trade.quantity, "filled": filled})
        };
        [order("new", 0.0), order("filled", trade.quantity)]
    }

    fn position(&self, trade: &OpenTrade, quantity: f64) -> Value {
        let side = if trade.is_long { "long" } else { "short" };
        json!({"type": "PositionChanged", "positionId": trade.id, "symbol": self.symbol,
            "side": side, "quantity": quantity, "entryPrice": round_price(trade.entry),
            "unrealizedPnl": cents(trade.profit(self.price))})
    }

    fn pnl(&mut self) -> Value {
        let open = self.open.as_ref();
        let unrealized = open.map_or(0.0, |trade| trade.profit(self.price));
        let total = self.realized + unrealized;
        let equity = START_EQUITY + total;
        self.peak = self.peak.max(equity);
        let closed = self.trades - u64::from(open.is_some());
        json!({"type": "PnlUpdated", "realized": cents(self.realized),
            "unrealized": cents(unrealized), "total": cents(total),
            "totalPct": cents(total / START_EQUITY * 100.0), "equity": cents(equity),
            "drawdownPct": cents((self.peak - equity) / self.peak * 100.0),
            "winRate": cents(self.wins as f64 / closed.max(1) as f64),
            "tradeCount": self.trades, "currency": "USDT"})
    }

    fn log(&self, level: &str, message: String) -> Value {
        json!({"type": "LogLine", "level": level, "message": message})
    }
}

impl OpenTrade {
    fn profit(&self, price: f64) -> f64 {
        let change = (price - self.entry) * self.quantity;
        if self.is_long { change } else { -change }
    }
}

impl Candle {
    fn new(price: f64) -> Self {
        Self {
            opened_at: timestamp(),
            open: price,
            high: price,
            low: price,
            steps: 0,
        }
    }

    /// Says whether the candle is complete.
    fn add(&mut self, price: f64) -> bool {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.steps += 1;
        self.steps >= CANDLE
    }

    fn event(&self, symbol: &str, close: f64) -> Value {
        json!({"type": "CandleClosed", "symbol": symbol, "interval": format!("{CANDLE}s"),
            "openTime": self.opened_at, "open": round_price(self.open),
            "high": round_price(self.high), "low": round_price(self.low),
            "close": round_price(close), "volume": f64::from(self.steps)})
    }
}

fn round_price(price: f64) -> f64 {
    (price * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trading::bots;
    use crate::trading::report::Report;

    #[test]
    fn everything_a_bot_says_is_accepted() {
        let mut bot = Bot::new(7, 1, "test");
        let mut events = bot.introduction();
        for _ in 0..200 {
            events.extend(bot.step());
        }
        for command in ["pause", "resume", "stop", "start"] {
            let done = bot.execute(command, &json!({"mode": "closePositions"}));
            assert_eq!(done.answer["ok"], true, "{command}");
            events.extend(done.events);
        }
        assert!(events.iter().any(|event| event["type"] == "TradeEvent"));
        for chunk in events.chunks(500) {
            let read = Report::<bots::Bot>::read(chunk, None);
            assert!(read.is_ok(), "{:?}", read.err());
        }
    }
}
