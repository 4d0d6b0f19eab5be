//! What the chat's assistant and tools may look at.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::backtests::State;
use super::paging::PageRequest;
use super::{BacktestService, BotService};
use crate::chat::{Looked, TradingView};
use crate::problem::{Code, Problem};

/// The live state of bots and backtests.
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
        Box::pin(async { Ok(self.bots.list().await?.iter().map(value).collect()) })
    }

    fn get_bot<'a>(&'a self, bot_id: &'a str) -> Looked<'a, Option<Value>> {
        Box::pin(async { if_found(self.bots.live.get(bot_id).await) })
    }

    fn list_backtests<'a>(
        &'a self,
        state: Option<&'a str>,
        limit: usize,
    ) -> Looked<'a, Vec<Value>> {
        Box::pin(async move {
            let page = PageRequest {
                cursor: None,
                limit: Some(limit as u64),
            };
            let state = state.map(|state| State::deserialize(json!(state)));
            let state = state
                .transpose()
                .map_err(|_| Problem::invalid("no backtest can be in this state"))?;
            let page = self.backtests.list(None, state, &page).await?;
            Ok(page.items.iter().map(value).collect())
        })
    }

    fn get_backtest<'a>(&'a self, backtest_id: &'a str) -> Looked<'a, Option<Value>> {
        Box::pin(async { if_found(self.backtests.live.get(backtest_id).await) })
    }
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
