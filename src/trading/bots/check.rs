//! What is a bad value in a bot's event, beyond its type.

use super::event::{BotEvent, LogLine, State};
use crate::trading::ids;

/// The most characters of a symbol, side, status and the like.
const MAXIMUM_WORD: usize = 128;
/// The most bytes of what a heartbeat carries besides.
const MAXIMUM_HEARTBEAT: usize = 16 * 1024;

pub fn check(event: &BotEvent) -> Result<(), String> {
    match event {
        BotEvent::BotStatus(status) => {
            if status.state == State::Stale {
                return Err("`state`: only the server says `stale`".to_owned());
            }
            status
                .name
                .as_deref()
                .map_or(Ok(()), |name| word("name", name))
        }
        BotEvent::PositionChanged(position) => {
            id("positionId", &position.position_id)?;
            words(&[("symbol", &position.symbol), ("side", &position.side)])
        }
        BotEvent::OrderEvent(order) => {
            id("orderId", &order.order_id)?;
            words(&[
                ("symbol", &order.symbol),
                ("side", &order.side),
                ("kind", &order.kind),
                ("status", &order.status),
            ])
        }
        BotEvent::TradeEvent(trade) => {
            id("tradeId", &trade.trade_id)?;
            words(&[("symbol", &trade.symbol), ("side", &trade.side)])
        }
        BotEvent::SignalEmitted(it) => words(&[("symbol", &it.symbol), ("signal", &it.signal)]),
        BotEvent::RiskEvent(risk) => words(&[("rule", &risk.rule), ("level", &risk.level)]),
        BotEvent::Alert(alert) => word("severity", &alert.severity),
        BotEvent::BotHeartbeat(more) => {
            let is_small =
                serde_json::to_string(more).is_ok_and(|it| it.len() <= MAXIMUM_HEARTBEAT);
            is_small
                .then_some(())
                .ok_or_else(|| format!("is larger than {MAXIMUM_HEARTBEAT} bytes"))
        }
        BotEvent::PnlUpdated(pnl) => match pnl.win_rate {
            Some(rate) if !(0.0..=1.0).contains(&rate) => {
                Err("`winRate` is not between 0 and 1".to_owned())
            }
            _ => pnl
                .currency
                .as_deref()
                .map_or(Ok(()), |it| word("currency", it)),
        },
        BotEvent::BalanceChanged(balance) => word("currency", &balance.currency),
        BotEvent::CandleClosed(candle) => {
            words(&[("symbol", &candle.symbol), ("interval", &candle.interval)])
        }
        BotEvent::LogLine(line) => log_line(line),
    }
}

/// A log line has a level; its text is free.
pub fn log_line(line: &LogLine) -> Result<(), String> {
    word("level", &line.level)
}

fn id(member: &str, id: &str) -> Result<(), String> {
    ids::is_valid(id)
        .then_some(())
        .ok_or_else(|| format!("`{member}` is not an id of 1 to 128 characters"))
}

fn words(words: &[(&str, &str)]) -> Result<(), String> {
    words
        .iter()
        .try_for_each(|(member, text)| word(member, text))
}

fn word(member: &str, text: &str) -> Result<(), String> {
    let is_word = !text.is_empty() && text.chars().count() <= MAXIMUM_WORD;
    is_word
        .then_some(())
        .ok_or_else(|| format!("`{member}` must have 1 to {MAXIMUM_WORD} characters"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Bot;
    use crate::problem::Code;
    use crate::trading::report::Report;

    #[test]
    fn an_unknown_type_or_a_bad_value_refuses_the_report() {
        let trade = json!({"type": "TradeEvent", "tradeId": "t", "symbol": "X", "side": "buy",
            "price": 1, "quantity": 2.5, "unknown": "is ignored"});
        let with = |member: &str, value: serde_json::Value| {
            let mut trade = trade.clone();
            trade[member] = value;
            trade
        };
        let good = Report::<Bot>::read(std::slice::from_ref(&trade), None);
        assert_eq!(good.map(|report| report.events.len()).ok(), Some(1));
        for bad in [
            with("type", json!("TradeHappened")),
            with("type", json!("BotRemoved")),
            with("price", json!("1")),
            with("price", json!(null)),
            with("tradeId", json!("")),
            with("ts", json!("yesterday")),
            with("openedAt", json!(7)),
            json!({"type": "TradeEvent", "tradeId": "t"}),
            json!({"type": "BotStatus", "state": "flying"}),
            json!({"type": "BotStatus", "state": "stale"}),
            json!({"type": "PnlUpdated", "winRate": 61}),
            json!({"type": "PnlUpdated", "tradeCount": -1}),
            json!({"symbol": "X"}),
            json!(["TradeEvent"]),
            json!(null),
        ] {
            let refused = Report::<Bot>::read(&[trade.clone(), bad.clone()], None);
            let problem = refused
                .err()
                .unwrap_or_else(|| panic!("{bad} was accepted"));
            assert_eq!(problem.code, Code::InvalidRequest);
            assert!(problem.message.starts_with("events[1]"), "{problem}");
        }
    }

    #[test]
    fn a_report_has_at_most_a_thousand_events() {
        let event = json!({"type": "Alert", "severity": "info", "message": ""});
        assert!(Report::<Bot>::read(&vec![event.clone(); 1_000], None).is_ok());
        assert!(Report::<Bot>::read(&vec![event; 1_001], None).is_err());
    }
}
