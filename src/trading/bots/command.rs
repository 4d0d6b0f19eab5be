//! What an operator can ask a bot's worker to do.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::trading::commands::CommandOutcome;
use crate::trading::ids;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BotCommand {
    Start,
    Stop(StopMode),
    Pause,
    Resume,
    ForceExit { trade_id: String },
}

/// What becomes of a stopping bot's trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum StopMode {
    Now,
    ClosePositions,
    FinishTrades,
}

impl BotCommand {
    /// Reads `mode`.
    pub fn stop(mode: &Value) -> Result<Self, Problem> {
        let mode = StopMode::deserialize(mode).map_err(|_| {
            Problem::invalid("`mode` must be `now`, `closePositions` or `finishTrades`")
        })?;
        Ok(Self::Stop(mode))
    }

    pub fn force_exit(trade_id: &str) -> Result<Self, Problem> {
        ids::check(trade_id, "tradeId")?;
        Ok(Self::ForceExit {
            trade_id: trade_id.to_owned(),
        })
    }

    /// Its name as workers know it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop(_) => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::ForceExit { .. } => "forceExit",
        }
    }

    pub fn arguments(&self) -> Value {
        match self {
            Self::Start | Self::Pause | Self::Resume => json!({}),
            Self::Stop(mode) => json!({ "mode": mode }),
            Self::ForceExit { trade_id } => json!({ "tradeId": trade_id }),
        }
    }
}

/// The event that tells everybody what became of a command.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandResult<'a> {
    pub command: &'static str,
    /// Who asked.
    pub by: &'a str,
    #[serde(flatten)]
    pub outcome: &'a CommandOutcome,
}
