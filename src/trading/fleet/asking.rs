//! Answering what other instances ask.

use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::Fleet;
use super::requests::{Asked, Reply, Request};
use crate::problem::{Code, Problem};
use crate::redis::InstanceId;
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::report::Report;
use crate::trading::subject::Subject;
use crate::trading::workers::Reporter;

/// What only bots, or only backtests, can be asked.
pub type Special = dyn Fn(Request) -> LocalBoxFuture<'static, Result<Value, Problem>>;

impl<S: Subject> Live<S> {
    /// Works for and with the other instances, for ever. Needs a `LocalSet`.
    pub async fn run_fleet(self: Arc<Self>, special: Rc<Special>) {
        let Some(fleet) = &self.fleet else { return };
        let asking = fleet.asking.lock();
        let asking = asking.unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut asking) = asking else { return };
        self.listen(fleet);
        let answering = async {
            while let Some(asked) = asking.recv().await {
                match asked {
                    Asked::Died(instance) => self.bury(fleet, &instance),
                    Asked::Request {
                        from,
                        request,
                        reply,
                    } => {
                        let (live, special) = (self.clone(), special.clone());
                        spawn_local(async move {
                            let answer = live.answer(from, &request, &*special).await;
                            let _ = reply.send(encode(&answer));
                        });
                    }
                }
            }
        };
        tokio::join!(
            answering,
            self.keep_index(fleet),
            self.keep_orphans(fleet),
            self.keep_unstored(fleet),
        );
    }

    /// What is asked is answered by one task, in the order in which it was asked.
    fn listen(&self, fleet: &Fleet<S>) {
        let instances = &fleet.logs.instances;
        let asked = fleet.asked.clone();
        instances.serve(S::KIND, move |from, request| {
            let (reply, replied) = oneshot::channel();
            let sent = asked.send(Asked::Request {
                from,
                request,
                reply,
            });
            async move {
                let answer = match sent {
                    Ok(()) => replied.await.ok(),
                    Err(_) => None,
                };
                answer.unwrap_or_else(|| encode(&Reply::Elsewhere))
            }
            .boxed()
        });
        let asked = fleet.asked.clone();
        instances.on_death(move |instance| {
            let _ = asked.send(Asked::Died(instance));
        });
    }

    async fn answer(
        self: &Arc<Self>,
        from: InstanceId,
        request: &[u8],
        special: &Special,
    ) -> Reply {
        let request: Request = match serde_json::from_slice(request) {
            Ok(request) => request,
            Err(error) => {
                let message = format!("another instance asks what is not understood: {error}");
                return Reply::of(Err(Problem::new(Code::StoreUnavailable, message)));
            }
        };
        if let (Some(id), Some(fleet)) = (request.id(), &self.fleet)
            && !fleet.owns(id)
        {
            return Reply::Elsewhere;
        }
        Reply::of(self.answer_here(from, request, special).await)
    }

    async fn answer_here(
        self: &Arc<Self>,
        from: InstanceId,
        request: Request,
        special: &Special,
    ) -> Result<Value, Problem> {
        match request {
            Request::Report {
                id,
                connection,
                events,
                key,
            } => {
                let report = Report::read(&events, key)?;
                let reporter = connection.map_or(Reporter::Http, |connection| {
                    Reporter::Connection(connection.into())
                });
                json(self.take_report(&reporter, &id.into(), report).await)
            }
            Request::Register {
                ids,
                connection,
                heartbeat,
            } => {
                let mine = self.owned_of(&ids);
                let connection = connection.into();
                json(
                    self.register_all_here(mine, &connection, Some(from), heartbeat)
                        .await,
                )
            }
            Request::Leave { ids, connection } => {
                for id in self.owned_of(&ids) {
                    self.leave_here(&connection, &id);
                }
                Ok(Value::Null)
            }
            Request::Remove { id } => json(self.take_away(&id.into()).await),
            Request::Replaced { id, connection } => {
                self.workers.ended(&connection.into(), &id.into());
                Ok(Value::Null)
            }
            Request::Working { posts, .. } => {
                if let Some(fleet) = &self.fleet {
                    for post in posts {
                        self.find_worker(fleet, Some(from.clone()), post);
                    }
                }
                Ok(Value::Null)
            }
            Request::Workers { ids } => {
                let ids = ids.iter().map(String::as_str).collect();
                json(Ok(self.workers.posts(&ids)))
            }
            other => special(other).await,
        }
    }

    fn owned_of(&self, ids: &[String]) -> Vec<Id> {
        let owned = ids.iter().filter(|id| match &self.fleet {
            Some(fleet) => fleet.owns(id),
            None => true,
        });
        owned.map(|id| id.as_str().into()).collect()
    }
}

/// An answer as it is sent.
pub fn json<T: Serialize>(result: Result<T, Problem>) -> Result<Value, Problem> {
    // Plain values encode.
    result.map(|value| serde_json::to_value(value).unwrap_or_default())
}

fn encode(reply: &Reply) -> Bytes {
    serde_json::to_vec(reply).unwrap_or_default().into()
}
