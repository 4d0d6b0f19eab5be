//! One hub's connections on all instances: who is there, and orders to those who are.
//!
//! This instance is asked first, then all others at once. Without Redis this instance is all there
//! is; where Redis is away or another instance does not answer, what cannot be known is
//! `store_unavailable`, never a plain no.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use serde::{Deserialize, Serialize};

use super::order::{Order, Whom};
use crate::{
    problem::{Code, Problem},
    redis::{CallError, Instances},
    signalr::hub::{Clients, Groups, HubContext},
};

/// The service that instances ask each other.
const SERVICE: &str = "presence";
/// How long another instance may take.
const LIMIT: Duration = Duration::from_secs(3);

type Hubs = Arc<[(&'static str, HubContext)]>;

/// The connections of a hub.
pub struct Presence {
    name: &'static str,
    hub: HubContext,
    instances: Option<Arc<Instances>>,
}

#[derive(Serialize, Deserialize)]
struct Request {
    hub: String,
    order: Order,
}

/// Answers what other instances ask about this one's connections.
pub fn serve(instances: &Instances, hubs: Hubs) {
    instances.serve(SERVICE, move |_, request| {
        let hubs = hubs.clone();
        async move {
            let answer = answer(&hubs, &request).await;
            serde_json::to_vec(&answer).unwrap_or_default().into()
        }
        .boxed()
    });
}

/// `None`: the question is not understood, as it may be from a newer instance.
async fn answer(hubs: &Hubs, request: &Bytes) -> Option<bool> {
    let Request { hub, order } = serde_json::from_slice(request).ok()?;
    let (_, hub) = hubs.iter().find(|(name, _)| *name == hub)?;
    Some(order.carry_out(hub).await)
}

impl Presence {
    pub fn new(name: &'static str, hub: HubContext, instances: Option<Arc<Instances>>) -> Self {
        Self {
            name,
            hub,
            instances,
        }
    }

    pub fn clients(&self) -> Clients {
        self.hub.clients()
    }

    pub fn groups(&self) -> Groups {
        self.hub.groups()
    }

    /// Whether there is anybody.
    pub async fn is_anybody(&self, whom: Whom) -> Result<bool, Problem> {
        self.everywhere(Order::IsAnybody(whom)).await
    }

    /// Whether anybody of them is in a group.
    pub async fn is_in_group(&self, whom: Whom, group: &str) -> Result<bool, Problem> {
        self.everywhere(Order::IsInGroup(whom, group.to_owned()))
            .await
    }

    /// Carries an order out on all instances; whether one of them says yes.
    pub async fn everywhere(&self, order: Order) -> Result<bool, Problem> {
        let here = order.carry_out(&self.hub).await;
        match &self.instances {
            Some(instances) if !(here && order.ends_with_yes()) => {
                let elsewhere = self.elsewhere(instances, order).await?;
                Ok(here || elsewhere)
            }
            _ => Ok(here),
        }
    }

    async fn elsewhere(&self, instances: &Instances, order: Order) -> Result<bool, Problem> {
        let listed = instances.list().await;
        let listed = listed.map_err(|error| unavailable(&error))?;
        let ends_with_yes = order.ends_with_yes();
        let request = Request {
            hub: self.name.to_owned(),
            order,
        };
        let request = Bytes::from(serde_json::to_vec(&request).map_err(|it| unavailable(&it))?);
        let others = listed.iter().filter(|it| it.id != *instances.id());
        let answers = others.map(|it| instances.call(&it.id, SERVICE, request.clone(), LIMIT));
        let answers = join_all(answers).await.into_iter().map(read);
        let answers: Vec<Result<bool, Problem>> = answers.collect();
        if ends_with_yes && answers.contains(&Ok(true)) {
            return Ok(true);
        }
        let answers: Vec<bool> = answers.into_iter().collect::<Result<_, _>>()?;
        Ok(answers.contains(&true))
    }
}

/// An instance that is gone has no connections.
fn read(answer: Result<Bytes, CallError>) -> Result<bool, Problem> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(CallError::Gone) => return Ok(false),
        Err(error) => return Err(unavailable(&error)),
    };
    let understood: Option<bool> = serde_json::from_slice(&answer).ok().flatten();
    understood.ok_or_else(|| unavailable(&"an instance of another version was asked"))
}

fn unavailable(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("the other instances cannot be asked: {error}");
    Problem::new(Code::StoreUnavailable, message)
}
