//! What the chat's assistant and tools may look at.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::backtests::State;
use super::paging::PageRequest;
use super::{BacktestService, BotService};
use crate::chat::{Looked, TradingView};
use crate::problem::{Code, Problem};

/// The live state of this instance.
pub struct LiveView {
    bots: Arc<BotService>,
    backtests: Arc<BacktestService>,
}

impl LiveView {
    pub fn new(bots: Arc<BotService>, backtests: Arc<BacktestService>) -> Arc<Self> {
        Arc::new(Self { bots, backtests })
    }
}

impl TradingView for LiveView {
    fn list_bots(&self) -> Looked<'_, Vec<Value>> {
        let bots = self.bots.list().iter().map(value).collect();
        answer(Ok(bots))
    }

    fn get_bot<'a>(&'a self, bot_id: &'a str) -> Looked<'a, Option<Value>> {
        answer(if_found(self.bots.get(bot_id)))
    }

    fn list_backtests<'a>(
        &'a self,
        state: Option<&'a str>,
        limit: usize,
    ) -> Looked<'a, Vec<Value>> {
        let page = PageRequest {
            cursor: None,
            limit: Some(limit as u64),
        };
        let listed = state
            .map(|state| State::deserialize(json!(state)))
            .transpose()
            .map_err(|_| Problem::invalid("no backtest can be in this state"))
            .and_then(|state| self.backtests.list(None, state, &page));
        answer(listed.map(|page| page.items.iter().map(value).collect()))
    }

    fn get_backtest<'a>(&'a self, backtest_id: &'a str) -> Looked<'a, Option<Value>> {
        answer(if_found(self.backtests.get(backtest_id)))
    }
}

fn answer<'a, T: Send + 'a>(result: Result<T, Problem>) -> Looked<'a, T> {
    Box::pin(std::future::ready(result))
}

fn if_found<T: Serialize>(found: Result<T, Problem>) -> Result<Option<Value>, Problem> {
    match found {
        Ok(found) => Ok(Some(value(&found))),
        Err(problem) if problem.code == Code::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn value<T: Serialize>(snapshot: &T) -> Value {
    serde_json::to_value(snapshot).unwrap_or_default()
}
