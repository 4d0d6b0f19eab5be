//! One backtest: a year of days that passes in seconds.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::random::{Random, cents};

const DAYS: usize = 365;
const START_EQUITY: f64 = 10_000.0;
const STRATEGIES: [&str; 4] = ["trend", "mean-reversion", "breakout", "grid"];

#[derive(Debug)]
pub struct Backtest {
    pub id: String,
    bundle: String,
    strategy: &'static str,
    random: Random,
    drift: f64,
    day: usize,
    equity: f64,
    peak: f64,
    drawdown: f64,
    trades: usize,
    wins: usize,
    is_started: bool,
    pub is_over: bool,
}

impl Backtest {
    pub fn new(seed: u64, round: usize, number: usize) -> Self {
        let mut random = Random::new(seed, 1_000_000 + (round * 10_000 + number) as u64);
        let strategy = random.pick(&STRATEGIES);
        let drift = 0.001 * random.unit() - 0.0002;
        Self {
            id: format!("backtest-{seed}-{round}-{number}"),
            bundle: format!("bundle-{seed}-{round}"),
            strategy,
            random,
            drift,
            day: 0,
            equity: START_EQUITY,
            peak: START_EQUITY,
            drawdown: 0.0,
            trades: 0,
            wins: 0,
            is_started: false,
            is_over: false,
        }
    }

    /// What it says first.
    pub fn introduction(&self) -> Vec<Value> {
        let days = format!("{DAYS}d");
        vec![
            json!({"type": "BacktestQueued", "bundleId": self.bundle, "strategy": self.strategy,
            "name": format!("{} on BTC/USDT", self.strategy), "range": days}),
        ]
    }

    /// Some days pass.
    pub fn step(&mut self, days: usize) -> Vec<Value> {
        let mut events = Vec::new();
        if !std::mem::replace(&mut self.is_started, true) {
            events.push(json!({"type": "BacktestStarted"}));
        }
        let from = self.day;
        let mut points = Vec::new();
        let mut trades = Vec::new();
        while self.day < DAYS && points.len() < days {
            let change = self.drift + 0.01 * self.random.step();
            self.equity *= 1.0 + change;
            self.peak = self.peak.max(self.equity);
            self.drawdown = self
                .drawdown
                .max((self.peak - self.equity) / self.peak * 100.0);
            points.push(json!({"t": self.date(), "equity": cents(self.equity)}));
            if self.random.chance(0.3) {
                self.trades += 1;
                self.wins += usize::from(change > 0.0);
                trades.push(
                    json!({"tradeId": format!("t{}", self.trades), "symbol": "BTC/USDT",
                    "side": if change > 0.0 { "buy" } else { "sell" },
                    "realizedPnl": cents(self.equity * change), "closedAt": self.date()}),
                );
            }
            self.day += 1;
        }
        events.push(json!({"type": "EquityPoints", "fromIndex": from, "points": points}));
        if !trades.is_empty() {
            events.push(json!({"type": "TradeBatch", "trades": trades}));
        }
        events.push(self.progress());
        if self.day >= DAYS {
            self.is_over = true;
            events.push(json!({"type": "BacktestCompleted", "statistics": self.statistics()}));
        }
        events
    }

    /// A line for the terminal.
    pub fn result(&self) -> String {
        let profit = (self.equity / START_EQUITY - 1.0) * 100.0;
        format!("{} ({}): {profit:+.1} %", self.id, self.strategy)
    }

    fn progress(&self) -> Value {
        let pct = self.day as f64 / DAYS as f64;
        json!({"type": "BacktestProgress", "phase": "simulating", "pct": pct,
            "simulatedAt": self.date(), "candlesDone": self.day, "candlesTotal": DAYS,
            "etaMs": (DAYS - self.day) * 50, "equity": cents(self.equity),
            "drawdownPct": cents(self.drawdown)})
    }

    fn statistics(&self) -> Value {
        let profit = self.equity - START_EQUITY;
        json!({"totalPnl": cents(profit), "totalPct": cents(profit / START_EQUITY * 100.0),
            "finalEquity": cents(self.equity), "maxDrawdownPct": cents(self.drawdown),
            "tradeCount": self.trades,
            "winRate": cents(self.wins as f64 / self.trades.max(1) as f64)})
    }

    fn date(&self) -> String {
        // The first of January 2025.
        let start = DateTime::<Utc>::from_timestamp(1_735_689_600, 0).unwrap_or_default();
        (start + Duration::days(self.day as i64)).to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trading::backtests;
    use crate::trading::report::Report;

    #[test]
    fn everything_a_backtest_says_is_accepted_and_it_ends() {
        let mut backtest = Backtest::new(7, 1, 1);
        let mut events = backtest.introduction();
        while !backtest.is_over {
            events.extend(backtest.step(5));
        }
        let read = Report::<backtests::Backtest>::read(&events, None);
        assert!(read.is_ok(), "{:?}", read.err());
        assert_eq!(events[events.len() - 1]["type"], "BacktestCompleted");
    }
}
