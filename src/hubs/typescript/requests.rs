//! Arguments of methods that read single members (`hubs::request`) and have no type of their own.

#![allow(dead_code, reason = "read by the generator only")]

use ts_rs::TS;

use super::declarations::Declarations;
use crate::trading::{
    backtests::BacktestEvent,
    bots::{BotEvent, StopMode},
    paging::PageRequest,
    subscribing::Seen,
};

type Since = std::collections::HashMap<String, Seen>;

#[derive(TS)]
#[ts(rename_all = "camelCase")]
struct BotRequest {
    bot_id: String,
}

#[derive(TS)]
#[ts(rename_all = "camelCase")]
struct BotPageRequest {
    bot_id: String,
    #[ts(flatten)]
    page: PageRequest,
}

#[derive(TS)]
#[ts(rename_all = "camelCase")]
struct StopBotRequest {
    bot_id: String,
    mode: StopMode,
}

#[derive(TS)]
#[ts(rename_all = "camelCase")]
struct ForceExitRequest {
    bot_id: String,
    trade_id: String,
}

#[derive(TS)]
#[ts(rename_all = "camelCase", optional_fields)]
struct SubscribeBotsRequest {
    /// None: all, also those to come.
    bot_ids: Option<Vec<String>>,
    /// What a returning viewer has seen, by bot.
    since: Option<Since>,
}

#[derive(TS)]
#[ts(rename_all = "camelCase", optional_fields)]
struct RegisterBotsRequest {
    bot_ids: Vec<String>,
    heartbeat_ms: Option<u64>,
}

#[derive(TS)]
#[ts(rename_all = "camelCase", optional_fields)]
struct ReportBotEventsRequest {
    bot_id: String,
    events: Vec<BotEvent>,
    idempotency_key: Option<String>,
}

#[derive(TS)]
#[ts(rename_all = "camelCase")]
struct BacktestRequest {
    backtest_id: String,
}

#[derive(TS)]
#[ts(rename_all = "camelCase")]
struct BacktestPageRequest {
    backtest_id: String,
    #[ts(flatten)]
    page: PageRequest,
}

#[derive(TS)]
#[ts(rename_all = "camelCase", optional_fields)]
struct ListBacktestsRequest {
    bundle_id: Option<String>,
    state: Option<crate::trading::backtests::State>,
    #[ts(flatten)]
    page: PageRequest,
}

#[derive(TS)]
#[ts(rename_all = "camelCase", optional_fields)]
struct SubscribeBacktestsRequest {
    backtest_ids: Option<Vec<String>>,
    bundle_id: Option<String>,
    since: Option<Since>,
}

#[derive(TS)]
#[ts(rename_all = "camelCase")]
struct RegisterBacktestsRequest {
    backtest_ids: Vec<String>,
}

#[derive(TS)]
#[ts(rename_all = "camelCase", optional_fields)]
struct ReportBacktestEventsRequest {
    backtest_id: String,
    events: Vec<BacktestEvent>,
    idempotency_key: Option<String>,
}

pub fn declare(declarations: &mut Declarations) {
    declarations.add::<BotRequest>();
    declarations.add::<BotPageRequest>();
    declarations.add::<StopBotRequest>();
    declarations.add::<ForceExitRequest>();
    declarations.add::<SubscribeBotsRequest>();
    declarations.add::<RegisterBotsRequest>();
    declarations.add::<ReportBotEventsRequest>();
    declarations.add::<BacktestRequest>();
    declarations.add::<BacktestPageRequest>();
    declarations.add::<ListBacktestsRequest>();
    declarations.add::<SubscribeBacktestsRequest>();
    declarations.add::<RegisterBacktestsRequest>();
    declarations.add::<ReportBacktestEventsRequest>();
}
