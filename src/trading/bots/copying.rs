//! A bot that another instance writes: made here of what that one wrote.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bot::Bot;
use super::event::{Balance, BotStatus, State};
use super::view::Numbered;
use crate::eventlog::Event;
use crate::trading::clock::{Moment, Timestamp};

/// Everything that viewers are sent.
pub const EVENTS: &[&str] = &[
    "BotStatus",
    "PositionChanged",
    "OrderEvent",
    "TradeEvent",
    "SignalEmitted",
    "RiskEvent",
    "Alert",
    "CommandResult",
    "BotRemoved",
    "BotHeartbeat",
    "PnlUpdated",
    "BalanceChanged",
    "CandleClosed",
    "LogLine",
];

/// How long the bot may be silent, for whoever takes it over. Viewers are not sent it.
#[derive(Serialize, Deserialize)]
pub struct Patience {
    pub patience: u64,
}

impl Patience {
    pub const KEY: &'static str = "patience";
    pub const NAME: &'static str = "Patience";
}

/// What this server does not know of an event is left out: a newer one may have written it.
pub fn apply(bot: &mut Bot, event: &Event, now: Moment) {
    // What the server says by itself is no sign of life.
    let mut is_sign = true;
    match &*event.name {
        "BotStatus" => {
            if let Some(status) = read::<BotStatus>(event) {
                is_sign = status.state != State::Stale;
                bot.view.apply_status(&status);
            }
        }
        "PositionChanged" => read(event)
            .iter()
            .for_each(|it| bot.view.apply_position(it)),
        "OrderEvent" => numbered(event).map_or((), |order| bot.view.apply_order(order)),
        "TradeEvent" => numbered(event).map_or((), |trade| bot.view.apply_trade(trade)),
        "LogLine" => numbered(event).map_or((), |line| bot.view.apply_log(line)),
        "PnlUpdated" => bot.view.pnl = read(event).unwrap_or_else(|| bot.view.pnl.clone()),
        "BalanceChanged" => {
            if let Some(balance) = read::<Balance>(event) {
                bot.view.apply_balance(&balance);
            }
        }
        Patience::NAME => {
            is_sign = false;
            bot.patience = read(event).map_or(bot.patience, |it: Patience| it.patience);
        }
        "CommandResult" | "BotRemoved" => is_sign = false,
        _ => {}
    }
    if is_sign && now.tick >= bot.last_seen.tick {
        bot.last_seen = now;
    }
}

fn read<T: DeserializeOwned>(event: &Event) -> Option<T> {
    serde_json::from_slice(&event.body).ok()
}

fn numbered<T: DeserializeOwned>(event: &Event) -> Option<Numbered<T>> {
    #[derive(Deserialize)]
    struct Head {
        ts: Timestamp,
    }
    let (head, item) = (read::<Head>(event)?, read(event)?);
    Some(Numbered {
        seq: event.seq,
        ts: head.ts,
        item,
    })
}
