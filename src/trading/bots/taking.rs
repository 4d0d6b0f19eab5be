//! How reported events change a bot and what viewers see of it.

use super::bot::Bot;
use super::event::BotEvent;
use super::latest;
use super::view::Numbered;
use crate::trading::clock::Timestamp;
use crate::trading::subject::Scribe;

/// Takes an event of a report that was checked as a whole. Answers its number.
pub fn take(scribe: &mut Scribe<'_, '_, Bot>, told: Option<Timestamp>, event: BotEvent) -> u64 {
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
            latest::take(scribe.state(), ts, conflated);
            scribe.seq()
        }
    }
}
