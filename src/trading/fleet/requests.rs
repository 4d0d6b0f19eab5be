//! What instances ask each other, and how it is answered.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use crate::eventlog::Epoch;
use crate::problem::{Code, Problem};
use crate::redis::InstanceId;
use crate::trading::bots::BotCommand;
use crate::trading::paging::PageRequest;
use crate::trading::workers::Post;

/// Asked of the instance that writes the log, unless it says otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// A worker's report. `connection`: of the worker; none over HTTP.
    Report {
        id: String,
        connection: Option<String>,
        events: Vec<Value>,
        key: Option<String>,
    },
    Register {
        ids: Vec<String>,
        connection: String,
        heartbeat: u64,
    },
    /// The connection is gone.
    Leave {
        ids: Vec<String>,
        connection: String,
    },
    Remove {
        id: String,
    },
    /// To a bot's worker.
    Command {
        id: String,
        command: BotCommand,
        by: String,
    },
    /// Of a backtest.
    Cancel {
        id: String,
    },
    /// A page of its log lines: the writer alone has all of them.
    Lines {
        id: String,
        page: PageRequest,
    },
    /// Told to the instance of a worker whose registration another replaced.
    Replaced {
        id: String,
        connection: String,
    },
    /// Told to the writer of a log by an instance that had one of that name: who is registered
    /// there.
    Working {
        id: String,
        posts: Vec<Post>,
    },
    /// Asked of every instance: who is registered there for these?
    Workers {
        ids: Vec<String>,
    },
}

impl Request {
    /// The log that it is about, if it is about one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Report { id, .. }
            | Self::Remove { id }
            | Self::Working { id, .. }
            | Self::Command { id, .. }
            | Self::Cancel { id }
            | Self::Lines { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Whether asking again does no harm if the first was heard.
    pub fn may_be_repeated(&self) -> bool {
        match self {
            Self::Report { key, .. } => key.is_some(),
            Self::Command { .. } | Self::Cancel { .. } | Self::Remove { .. } => false,
            _ => true,
        }
    }
}

/// What a worker's instance gets to know of one registration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisteredAt {
    pub id: String,
    pub epoch: Epoch,
    pub seq: u64,
    /// Of the registration.
    pub number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    Done(Value),
    Refused {
        code: Code,
        message: String,
        details: Map<String, Value>,
    },
    /// The log is not written there.
    Elsewhere,
}

impl Reply {
    pub fn of(result: Result<Value, Problem>) -> Self {
        match result {
            Ok(value) => Self::Done(value),
            Err(problem) => Self::Refused {
                code: problem.code,
                message: problem.message,
                details: problem.details,
            },
        }
    }
}

/// What another instance asked, or what became of one, on the way to the task that deals with it.
pub enum Asked {
    Request {
        from: InstanceId,
        request: Bytes,
        reply: oneshot::Sender<Bytes>,
    },
    Died(InstanceId),
}
