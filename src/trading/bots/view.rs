//! What viewers see of a bot at once, and how events change it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::{Balance, BotStatus, LogLine, Order, Pnl, Position, State, Trade};
use crate::eventlog::Epoch;
use crate::trading::clock::Timestamp;
use crate::trading::paging::Recent;
use crate::trading::subject::{At, Extent};

/// Trades in a snapshot; `GetTrades` has more.
const LAST_TRADES: usize = 20;
/// The same in a snapshot among very many.
const LAST_TRADES_IN_BRIEF: usize = 2;
/// The most positions, orders or balances that are kept of one bot; the oldest goes first.
const MAXIMUM_OPEN: usize = 1_000;
const RECENT_ITEMS: usize = 500;
const RECENT_BYTES: usize = 128 * 1024;

/// A bot at one moment, complete up to `seq`. Without its arrays in lists.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct BotSnapshot {
    pub bot_id: String,
    #[schema(value_type = String)]
    pub epoch: Epoch,
    pub seq: u64,
    pub ts: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_state: Option<State>,
    pub last_seen_at: Timestamp,
    pub age_ms: u64,
    pub pnl: Pnl,
    #[serde(flatten)]
    #[schema(value_type = BotArrays)]
    pub arrays: Option<BotArrays>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BotArrays {
    #[schema(required = false)]
    pub positions: Vec<Position>,
    #[schema(required = false)]
    pub open_orders: Vec<Order>,
    #[schema(required = false)]
    pub balances: Vec<Balance>,
    #[schema(required = false)]
    pub last_trades: Vec<Numbered<Trade>>,
}

/// An event that is kept as an item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Numbered<T> {
    pub seq: u64,
    pub ts: Timestamp,
    #[serde(flatten)]
    pub item: T,
}

/// The part of a bot that events change.
#[derive(Debug, Serialize, Deserialize)]
pub struct BotView {
    pub name: Option<String>,
    pub state: State,
    pub reason: Option<String>,
    pub last_state: Option<State>,
    pub pnl: Pnl,
    pub positions: IndexMap<String, Position>,
    pub open_orders: IndexMap<String, Order>,
    pub balances: IndexMap<String, Balance>,
    pub trades: Recent<Numbered<Trade>>,
    pub orders: Recent<Numbered<Order>>,
    pub logs: Recent<Numbered<LogLine>>,
}

impl Default for BotView {
    fn default() -> Self {
        Self {
            name: None,
            state: State::Created,
            reason: None,
            last_state: None,
            pnl: Pnl::default(),
            positions: IndexMap::new(),
            open_orders: IndexMap::new(),
            balances: IndexMap::new(),
            trades: Recent::new(RECENT_ITEMS, RECENT_BYTES),
            orders: Recent::new(RECENT_ITEMS, RECENT_BYTES),
            logs: Recent::new(RECENT_ITEMS, RECENT_BYTES),
        }
    }
}

impl BotView {
    pub fn apply_status(&mut self, status: &BotStatus) {
        self.state = status.state;
        self.reason.clone_from(&status.reason);
        self.last_state = status.last_state;
        if status.name.is_some() {
            self.name.clone_from(&status.name);
        }
    }

    pub fn apply_position(&mut self, position: &Position) {
        if position.quantity == 0.0 {
            self.positions.shift_remove(&position.position_id);
        } else {
            put(&mut self.positions, &position.position_id, position);
        }
    }

    pub fn apply_order(&mut self, order: Numbered<Order>) {
        let id = &order.item.order_id;
        if order.item.is_open() {
            put(&mut self.open_orders, id, &order.item);
        } else {
            self.open_orders.shift_remove(id);
        }
        self.orders.take(|kept| kept.item.order_id == *id);
        let cost = std::mem::size_of_val(&order) + 3 * id.len();
        self.orders.push(order, cost);
    }

    /// A trade that is reported again (opened, then closed) stands once, in its last form.
    pub fn apply_trade(&mut self, trade: Numbered<Trade>) {
        let id = &trade.item.trade_id;
        self.trades.take(|kept| kept.item.trade_id == *id);
        let cost = std::mem::size_of_val(&trade) + 3 * id.len();
        self.trades.push(trade, cost);
    }

    pub fn apply_balance(&mut self, balance: &Balance) {
        put(&mut self.balances, &balance.currency, balance);
    }

    pub fn apply_log(&mut self, line: Numbered<LogLine>) {
        let cost = std::mem::size_of_val(&line) + line.item.message.len();
        self.logs.push(line, cost);
    }

    pub fn arrays(&self, last_trades: usize) -> BotArrays {
        BotArrays {
            positions: self.positions.values().cloned().collect(),
            open_orders: self.open_orders.values().cloned().collect(),
            balances: self.balances.values().cloned().collect(),
            last_trades: self
                .trades
                .newest_first()
                .take(last_trades)
                .cloned()
                .collect(),
        }
    }

    pub fn snapshot(
        &self,
        bot_id: &str,
        at: At,
        (last_seen_at, age_ms): (Timestamp, u64),
        extent: Extent,
    ) -> BotSnapshot {
        let last_trades = match extent {
            Extent::Line => None,
            Extent::Brief => Some(LAST_TRADES_IN_BRIEF),
            Extent::Whole => Some(LAST_TRADES),
        };
        BotSnapshot {
            bot_id: bot_id.to_owned(),
            epoch: at.epoch,
            seq: at.seq,
            ts: at.now.wall,
            name: self.name.clone(),
            state: self.state,
            reason: self.reason.clone(),
            last_state: self.last_state,
            last_seen_at,
            age_ms,
            pnl: self.pnl.clone(),
            arrays: last_trades.map(|last_trades| self.arrays(last_trades)),
        }
    }
}

fn put<T: Clone>(map: &mut IndexMap<String, T>, id: &str, value: &T) {
    map.insert(id.to_owned(), value.clone());
    if map.len() > MAXIMUM_OPEN {
        map.shift_remove_index(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(id: &str, seq: u64) -> Numbered<Trade> {
        Numbered {
            seq,
            ts: Timestamp(0),
            item: Trade {
                trade_id: id.into(),
                symbol: "BTC/USDT".into(),
                side: "buy".into(),
                price: 1.0,
                quantity: 1.0,
                fee: None,
                realized_pnl: None,
                opened_at: None,
                closed_at: None,
            },
        }
    }

    fn order(status: &str) -> Numbered<Order> {
        Numbered {
            seq: 1,
            ts: Timestamp(0),
            item: Order {
                order_id: "o".into(),
                symbol: "BTC/USDT".into(),
                side: "buy".into(),
                kind: "limit".into(),
                status: status.into(),
                price: Some(1.0),
                quantity: 1.0,
                filled: 0.0,
            },
        }
    }

    #[test]
    fn a_position_of_nothing_is_closed() {
        let mut view = BotView::default();
        let mut position = Position {
            position_id: "p".into(),
            symbol: "BTC/USDT".into(),
            side: "long".into(),
            quantity: 2.0,
            entry_price: 10.0,
            unrealized_pnl: None,
        };
        view.apply_position(&position);
        assert_eq!(view.arrays(LAST_TRADES).positions, [position.clone()]);
        position.quantity = 0.0;
        view.apply_position(&position);
        assert_eq!(view.arrays(LAST_TRADES).positions, []);
    }

    #[test]
    fn an_order_is_open_until_it_is_done() {
        let mut view = BotView::default();
        view.apply_order(order("new"));
        view.apply_order(order("partiallyFilled"));
        assert_eq!(view.arrays(LAST_TRADES).open_orders.len(), 1);
        view.apply_order(order("Filled"));
        assert_eq!(view.arrays(LAST_TRADES).open_orders.len(), 0);
        assert_eq!(view.orders.newest_first().count(), 1);
    }

    #[test]
    fn the_last_trades_come_newest_first_and_each_once() {
        let mut view = BotView::default();
        for (seq, id) in ["a", "b", "a"].into_iter().enumerate() {
            view.apply_trade(trade(id, seq as u64 + 1));
        }
        let arrays = view.arrays(LAST_TRADES);
        let seqs: Vec<u64> = arrays.last_trades.iter().map(|trade| trade.seq).collect();
        assert_eq!(seqs, [3, 2]);
    }
}
