//! The tools a model may call: looking up live bots and backtests.
//!
//! What a model gets wrong is answered to the model, never to the user.

use serde_json::{Map, Value, json};

use super::TradingView;
use super::provider::ToolCall;

/// How much of a result a model is told.
const LARGEST_RESULT: usize = 32 * 1024;
/// The newest points of a curve or list that a result keeps.
const NEWEST: usize = 20;

/// What a tool answered.
#[derive(Debug, PartialEq, Eq)]
pub struct ToolResult {
    pub ok: bool,
    pub content: String,
}

/// The tools as a `chat/completions` request lists them.
pub fn definitions() -> Value {
    let id = |name: &str, what: &str| {
        json!({
            "type": "object",
            "properties": {name: {"type": "string", "description": what}},
            "required": [name],
        })
    };
    json!([
        function(
            "list_bots",
            "Lists all live trading bots with state and profit (pnl).",
            &json!({"type": "object", "properties": {}}),
        ),
        function(
            "get_bot",
            "One trading bot: state, reason, profit, positions, orders, balances, last trades.",
            &id("botId", "The bot's id, from list_bots"),
        ),
        function(
            "list_backtests",
            "Lists backtests, newest first, with state and progress.",
            &json!({
                "type": "object",
                "properties": {
                    "state": {
                        "type": "string",
                        "enum": ["queued", "running", "completed", "failed", "cancelled"],
                    },
                    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
                },
            }),
        ),
        function(
            "get_backtest",
            "One backtest: state, progress, statistics, the newest of its equity curve, error.",
            &id("backtestId", "The backtest's id, from list_backtests"),
        ),
    ])
}

fn function(name: &str, description: &str, parameters: &Value) -> Value {
    json!({
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    })
}

/// A call's arguments as viewers see them: an object, or the model's own string.
pub fn shown_arguments(call: &ToolCall) -> Value {
    match arguments(call) {
        Some(arguments) => Value::Object(arguments),
        None => Value::String(call.arguments.clone()),
    }
}

/// Calls a tool.
pub async fn call(call: &ToolCall, trading: &dyn TradingView) -> ToolResult {
    let Some(arguments) = arguments(call) else {
        return refused("the arguments are not a JSON object");
    };
    let id = |name: &str| arguments.get(name).and_then(Value::as_str);
    let looked = match call.name.as_str() {
        "list_bots" => trading.list_bots().await.map(|bots| json!({"bots": bots})),
        "get_bot" => match id("botId") {
            Some(bot) => trading.get_bot(bot).await.map(|bot| found(bot, "bot")),
            None => return refused("botId is missing or not a string"),
        },
        "list_backtests" => {
            let limit = arguments.get("limit").and_then(Value::as_u64);
            let limit = limit.map_or(50, |limit| limit.clamp(1, 200) as usize);
            let backtests = trading.list_backtests(id("state"), limit).await;
            backtests.map(|backtests| json!({"backtests": backtests}))
        }
        "get_backtest" => match id("backtestId") {
            Some(id) => trading
                .get_backtest(id)
                .await
                .map(|it| found(it, "backtest")),
            None => return refused("backtestId is missing or not a string"),
        },
        _ => return refused("there is no such tool"),
    };
    match looked {
        Ok(mut value) => {
            shorten(&mut value);
            told(&value)
        }
        Err(problem) => refused(&problem.message),
    }
}

fn arguments(call: &ToolCall) -> Option<Map<String, Value>> {
    if call.arguments.trim().is_empty() {
        return Some(Map::new());
    }
    serde_json::from_str(&call.arguments).ok()
}

fn found(value: Option<Value>, what: &str) -> Value {
    value.unwrap_or_else(|| json!({"error": format!("there is no such {what}")}))
}

fn refused(reason: &str) -> ToolResult {
    ToolResult {
        ok: false,
        content: json!({"error": reason}).to_string(),
    }
}

fn told(value: &Value) -> ToolResult {
    let ok = value.get("error").is_none_or(|error| !error.is_string());
    let content = value.to_string();
    if content.len() > LARGEST_RESULT {
        return refused("the result is too long; ask for one bot or backtest, or a smaller limit");
    }
    ToolResult { ok, content }
}

/// Keeps the newest of what is long in one bot or backtest.
fn shorten(value: &mut Value) {
    for name in ["equity", "lastTrades", "openOrders"] {
        if let Some(Value::Array(list)) = value.get_mut(name) {
            list.drain(..list.len().saturating_sub(NEWEST));
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use futures_util::FutureExt;
    use futures_util::future::ready;

    use super::*;
    use crate::chat::trading_view::Looked;

    /// Two bots and two backtests.
    pub struct Example;

    impl TradingView for Example {
        fn list_bots(&self) -> Looked<'_, Vec<Value>> {
            let bots = vec![
                json!({"botId": "grid-1", "name": "Grid", "state": "running", "lastSeenAt": "2026-01-01T00:00:00.000Z", "ageMs": 900,
                    "pnl": {"realized": 1200.5, "unrealized": 34.0, "total": 1234.5, "totalPct": 12.345, "equity": 11234.5, "drawdownPct": 3.2, "winRate": 0.61, "tradeCount": 87, "currency": "USDT"}}),
                json!({"botId": "trend-2", "name": "Trend", "state": "stopped", "reason": "daily loss limit reached", "lastState": "running", "ageMs": 125_000,
                    "pnl": {"realized": -80.0, "unrealized": 0.0, "total": -80.0, "totalPct": -1.6, "currency": "USDT"}}),
            ];
            ready(Ok(bots)).boxed()
        }

        fn get_bot<'a>(&'a self, bot_id: &'a str) -> Looked<'a, Option<Value>> {
            async move {
                let bots = self.list_bots().await?;
                Ok(bots.into_iter().find(|bot| bot["botId"] == bot_id))
            }
            .boxed()
        }

        fn list_backtests<'a>(
            &'a self,
            state: Option<&'a str>,
            limit: usize,
        ) -> Looked<'a, Vec<Value>> {
            let all = [
                json!({"backtestId": "bt-9", "state": "running", "progress": {"phase": "simulating", "pct": 0.42, "etaMs": 95_000, "equity": 10_420.0}, "tradeCount": 12}),
                json!({"backtestId": "bt-8", "state": "failed", "progress": {"pct": 0.1}, "tradeCount": 0, "error": {"code": "worker_lost", "message": "the worker is gone", "retryable": true}}),
            ];
            let wanted = |it: &Value| state.is_none_or(|state| it["state"] == state);
            let found = all.into_iter().filter(wanted).take(limit).collect();
            ready(Ok(found)).boxed()
        }

        fn get_backtest<'a>(&'a self, backtest_id: &'a str) -> Looked<'a, Option<Value>> {
            async move {
                let all = self.list_backtests(None, 200).await?;
                Ok(all.into_iter().find(|it| it["backtestId"] == backtest_id))
            }
            .boxed()
        }
    }

    async fn answer(name: &str, arguments: &str) -> (bool, Value) {
        let asked = ToolCall {
            id: "1".into(),
            name: name.into(),
            arguments: arguments.into(),
        };
        let result = call(&asked, &Example).await;
        let content = serde_json::from_str(&result.content).expect("tools answer JSON");
        (result.ok, content)
    }

    #[tokio::test]
    async fn a_model_learns_what_it_asks_for_and_what_it_got_wrong() {
        let (ok, bots) = answer("list_bots", "").await;
        assert!(ok && bots["bots"][1]["reason"] == "daily loss limit reached");
        let (ok, bot) = answer("get_bot", r#"{"botId":"grid-1"}"#).await;
        assert!(ok && bot["pnl"]["total"] == 1234.5);
        let (ok, running) = answer("list_backtests", r#"{"state":"running"}"#).await;
        assert!(
            ok && running["backtests"]
                .as_array()
                .is_some_and(|all| all.len() == 1)
        );

        for (name, arguments) in [
            ("get_bot", "{}"),
            ("get_bot", r#"{"botId":7}"#),
            ("get_bot", r#"{"botId":"nobody"}"#),
            ("get_backtest", "not JSON"),
            ("list_bots", "[]"),
            ("rm_rf", "{}"),
        ] {
            let (ok, said) = answer(name, arguments).await;
            assert!(!ok && said["error"].is_string(), "{name} {arguments}");
        }
    }
}
