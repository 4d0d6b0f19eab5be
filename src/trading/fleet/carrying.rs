//! Having something done by the instance that writes a log, wherever that is.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::requests::{Reply, Request};
use super::{Fleet, unavailable};
use crate::problem::{Code, Problem};
use crate::redis::{CallError, InstanceId};
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::subject::Subject;

/// How long a request waits for a log's writer: longer than it takes to replace a dead one.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);
/// How long one question may take. Commands wait for their worker.
const LIMIT: Duration = Duration::from_secs(5);
const COMMAND_LIMIT: Duration = Duration::from_secs(12);
const BETWEEN: Duration = Duration::from_millis(100);

/// Whether a log that is not there is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Make,
    NotFound,
}

/// Where a log is written.
pub(super) enum Home {
    Here,
    At(InstanceId),
    /// Its writer is gone and nobody has taken it over yet.
    Nowhere,
}

impl<S: Subject> Live<S> {
    /// Has something done where the log is written: `here`, or by `request` elsewhere. The writer's
    /// answer comes back as it is.
    ///
    /// Waits up to 12 s for a writer, then fails with `store_unavailable`; so it does at once if the
    /// writer was lost while it may have heard a request that must not be repeated.
    pub async fn at_home<R: DeserializeOwned>(
        self: &Arc<Self>,
        id: &Id,
        missing: Missing,
        request: impl FnOnce() -> Request,
        here: impl AsyncFnOnce() -> Result<R, Problem>,
    ) -> Result<R, Problem> {
        let Some(fleet) = &self.fleet else {
            return here().await;
        };
        if fleet.owns(id) {
            return here().await;
        }
        let request = request();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.home(fleet, id, missing).await? {
                Home::Here => return here().await,
                Home::At(instance) => match fleet.ask(&instance, &request).await {
                    Ok(Reply::Done(answer)) => return read(answer),
                    Ok(Reply::Refused {
                        code,
                        message,
                        details,
                    }) => {
                        return Err(Problem {
                            code,
                            message,
                            details,
                        });
                    }
                    Ok(Reply::Elsewhere) => {}
                    Err(_) if request.may_be_repeated() => {}
                    Err(error) => return Err(unheard(error)),
                },
                Home::Nowhere => {}
            }
            if Instant::now() > deadline {
                return Err(no_writer());
            }
            sleep(BETWEEN).await;
            self.look_for_writer(fleet, id).await;
        }
    }

    pub(super) async fn home(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        id: &Id,
        missing: Missing,
    ) -> Result<Home, Problem> {
        if fleet.owns(id) {
            return Ok(Home::Here);
        }
        if !self.is_known(id) {
            match missing {
                Missing::Make => self.begin(fleet, id).await?,
                Missing::NotFound => self.discover(id).await.map_err(|it| unavailable(&it))?,
            }
        }
        let copy = fleet.copies.get(id).map(|copy| copy.clone());
        match copy {
            _ if fleet.owns(id) => Ok(Home::Here),
            None if missing == Missing::NotFound && !self.is_known(id) => {
                Err(Problem::not_found(format!("there is no `{id}`")))
            }
            None => Ok(Home::Nowhere),
            Some(copy) => Ok(match copy.owner() {
                Some(owner) if !fleet.dead().contains(&owner) => Home::At(owner),
                _ => Home::Nowhere,
            }),
        }
    }
}

impl<S: Subject> Fleet<S> {
    pub(super) async fn ask(
        &self,
        instance: &InstanceId,
        request: &Request,
    ) -> Result<Reply, CallError> {
        // Plain values with string keys encode.
        let body = serde_json::to_vec(request).unwrap_or_default();
        let limit = match request {
            Request::Command { .. } | Request::Cancel { .. } => COMMAND_LIMIT,
            _ => LIMIT,
        };
        let instances = &self.logs.instances;
        let reply = instances
            .call(instance, S::KIND, body.into(), limit)
            .await?;
        // What is not understood was not dealt with.
        Ok(serde_json::from_slice(&reply).unwrap_or(Reply::Elsewhere))
    }
}

pub(super) fn read<R: DeserializeOwned>(answer: serde_json::Value) -> Result<R, Problem> {
    serde_json::from_value(answer).map_err(|error| {
        let message = format!("another instance answered what is not understood: {error}");
        Problem::new(Code::StoreUnavailable, message)
    })
}

pub(super) fn no_writer() -> Problem {
    let message = "the instance that has it does not answer, and no other has taken it over yet";
    Problem::new(Code::StoreUnavailable, message)
}

fn unheard(error: CallError) -> Problem {
    let message = format!("{error}; it is not known whether this was done");
    Problem::new(Code::StoreUnavailable, message)
}
