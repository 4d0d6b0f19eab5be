//! Serves a request where its connection lives: on a worker of this instance, or carried to another
//! one. The connection may move in between, then it is looked for again.

use std::{future::ready, sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::debug;

use super::{
    caller::Caller,
    dispatch::Numbered,
    edge::{Edge, Outcome, PATIENCE},
    locate::{Location, Missing, Purpose},
    long_polling,
    post::{self, Pieces},
    receipt::{LocalReceipt, NewPoll, Polled, Receipt, stamp},
    registry::Connections,
    response::{self, Answer},
    server_sent_events::{self, EventBody},
};
use crate::signalr::{
    connection::{RequestData, TransportKind, User},
    fleet::ArrivingPoll,
    lifetime::WorkerId,
};

/// Looked for so often, a connection is taken for gone. It is missed if it was claimed a moment
/// ago and its home has not made it yet, or if it moves.
const ATTEMPTS: u32 = 6;
/// The first pause between two attempts; each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(5);
/// How long an instance that stops lets a poll wait for a connection that lives elsewhere.
const LAST_POLL: Duration = Duration::from_millis(200);
/// How long the home then may take to answer it.
const SEND_BACK: Duration = Duration::from_secs(2);

/// A request with a token, on its way to its connection.
#[derive(Clone, Copy)]
pub struct Serving<'a> {
    pub connections: &'a Arc<Connections>,
    pub hub: &'a Numbered,
    pub caller: &'a Caller,
}

/// Where the next attempt goes.
enum Place<'a> {
    Here(WorkerId),
    There(Edge<'a>),
}

impl<'a> Serving<'a> {
    async fn place(
        self,
        attempt: u32,
        purpose: Purpose,
        patience: Duration,
    ) -> Result<Place<'a>, Missing> {
        if attempt >= ATTEMPTS {
            return Err(Missing::Unknown);
        }
        if attempt > 0 {
            sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
        }
        let location = self
            .connections
            .locate(self.hub, self.caller, purpose, patience);
        match (location.await?, self.connections.fleet()) {
            (Location::Here(worker), _) => Ok(Place::Here(worker)),
            (Location::There(home), Some(fleet)) => Ok(Place::There(Edge {
                connections: self.connections,
                fleet,
                hub: self.hub,
                caller: self.caller,
                home,
            })),
            (Location::There(_), None) => Err(Missing::Unknown),
        }
    }

    /// Answers a poll.
    pub async fn poll(self, user: Option<User>, data: RequestData) -> Polled {
        if !self.hub.1.connection_options().transports.long_polling {
            let exists = self.place(0, Purpose::Message, Duration::ZERO).await;
            return match exists {
                Ok(_) => response::not_supported(TransportKind::LongPolling).into(),
                Err(missing) => refusal(missing).into(),
            };
        }
        let patience = self.hub.1.connection_options().poll_timeout;
        for attempt in 0.. {
            let arriving = self.connections.fleet().map(ArrivingPoll::begin);
            let polled = match self.place(attempt, Purpose::Message, patience).await {
                Ok(Place::Here(worker)) => {
                    drop(arriving);
                    self.poll_here(worker, &user, &data).await
                }
                Ok(Place::There(edge)) => match self.poll_there(edge, stamp(&data)).await {
                    Outcome::Answered(polled) => Some(polled),
                    Outcome::TakenOver(worker) => self.poll_here(worker, &user, &data).await,
                    Outcome::Moved => None,
                },
                // It has waited as long as a poll does; the client polls again.
                Err(Missing::Unavailable) => Some(Answer::text(200, "").into()),
                Err(missing) => Some(refusal(missing).into()),
            };
            if let Some(polled) = polled {
                return polled;
            }
        }
        response::no_connection().into()
    }

    /// When this instance stops, the client is sent to another one for its next poll.
    async fn poll_there(self, edge: Edge<'_>, stamp: Option<u64>) -> Outcome<Polled> {
        let stopping = async {
            self.connections.drained().await;
            sleep(LAST_POLL).await;
            edge.stops();
            sleep(SEND_BACK).await;
        };
        tokio::select! {
            outcome = edge.poll(stamp) => outcome,
            () = stopping => Outcome::Answered(Answer::text(200, "").into()),
        }
    }

    /// None: it is not there any more.
    async fn poll_here(
        self,
        worker: WorkerId,
        user: &Option<User>,
        data: &RequestData,
    ) -> Option<Polled> {
        let (connections, key) = (self.connections.clone(), self.caller.key);
        let (user, data) = (user.clone(), data.clone());
        let polled = self
            .connections
            .at_home(worker, key, move |record| async move {
                let receipt = LocalReceipt::new(&connections, worker, key);
                let poll = NewPoll {
                    id: receipt.poll(),
                    stamp: stamp(&data),
                };
                let answer = long_polling::poll(record?, poll, user, data, &connections).await;
                Some(Polled::new(answer, Receipt::Here(receipt)))
            });
        polled.await.flatten()
    }

    /// Takes a body in.
    pub async fn post(self, mut pieces: Pieces) -> Answer {
        for attempt in 0.. {
            let worker = match self.place(attempt, Purpose::Message, PATIENCE).await {
                Ok(Place::Here(worker)) => worker,
                Ok(Place::There(edge)) => match edge.post(&mut pieces).await {
                    Outcome::Answered(answer) => return answer,
                    Outcome::TakenOver(worker) => worker,
                    Outcome::Moved => continue,
                },
                Err(missing) => return refusal(missing),
            };
            let taken =
                self.connections
                    .at_home(worker, self.caller.key, move |record| async move {
                        match record {
                            Some(record) => post::receive(record, pieces).await,
                            None => Err(pieces),
                        }
                    });
            match taken.await {
                Some(Ok(answer)) => return answer,
                Some(Err(untouched)) => pieces = untouched,
                None => return response::gone(),
            }
        }
        response::no_connection()
    }

    /// Ends a polled connection.
    pub async fn delete(self) -> Answer {
        for attempt in 0.. {
            match self.place(attempt, Purpose::Message, PATIENCE).await {
                Ok(Place::Here(worker)) => {
                    let connections = self.connections.clone();
                    let key = self.caller.key;
                    let deleted = self.connections.at_home(worker, key, move |record| {
                        ready(record.map(|record| long_polling::delete(&record, &connections)))
                    });
                    if let Some(answer) = deleted.await.flatten() {
                        return answer;
                    }
                }
                Ok(Place::There(edge)) => {
                    if let Outcome::Answered(answer) = edge.delete().await {
                        return answer;
                    }
                }
                Err(missing) => return refusal(missing),
            }
        }
        response::no_connection()
    }

    /// Opens an event stream, here.
    pub async fn event_stream(
        self,
        user: Option<User>,
        data: RequestData,
    ) -> Result<EventBody, Answer> {
        let enabled = self
            .hub
            .1
            .connection_options()
            .transports
            .server_sent_events;
        let worker = self
            .home_of_transport(TransportKind::ServerSentEvents)
            .await?;
        let connections = self.connections.clone();
        let opened = self
            .connections
            .at_home(worker, self.caller.key, move |record| {
                ready(match record {
                    None => Err(response::no_connection()),
                    Some(_) if !enabled => {
                        Err(response::not_supported(TransportKind::ServerSentEvents))
                    }
                    Some(record) => server_sent_events::open(&record, user, data, connections),
                })
            });
        opened.await.unwrap_or_else(|| Err(response::gone()))
    }

    /// The worker that gets a socket or an event stream: they end where they arrive, whatever was
    /// posted elsewhere before comes here.
    pub async fn home_of_transport(self, kind: TransportKind) -> Result<WorkerId, Answer> {
        for attempt in 0.. {
            match self
                .place(attempt, Purpose::Transport, Duration::ZERO)
                .await
            {
                Ok(Place::Here(worker)) => return Ok(worker),
                Ok(Place::There(_)) if self.connections.is_draining() => {
                    return Err(response::draining());
                }
                Ok(Place::There(edge)) => match edge.attach(kind).await {
                    Outcome::Answered(answer) => return Err(answer),
                    Outcome::TakenOver(worker) => return Ok(worker),
                    Outcome::Moved => {}
                },
                // Only a fresh token attaches, and that one needs no Redis.
                Err(Missing::Unavailable) => return Err(response::no_connection()),
                Err(missing) => return Err(refusal(missing)),
            }
        }
        Err(response::no_connection())
    }
}

/// What a client is told whose connection is not to be found.
pub fn refusal(missing: Missing) -> Answer {
    debug!(?missing, "a token found no connection");
    match missing {
        Missing::Unknown => response::no_connection(),
        Missing::Foreign => response::foreign(),
        Missing::Unavailable => response::unavailable(),
        Missing::Draining => response::draining(),
    }
}
