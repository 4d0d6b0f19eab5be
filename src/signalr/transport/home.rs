//! This instance as the home of connections that other instances are the edge of: what they ask
//! for runs on the connection's worker, as if it had been asked here.

use std::{rc::Rc, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    dispatch::Numbered,
    forwarded_post, long_polling, open_connections,
    receipt::{NewPoll, PollId},
    record::{self, Record},
    registry::{Claim, Connections},
    response::{self, Answer},
};
use crate::{
    redis::InstanceId,
    signalr::{
        connection::{CloseReason, TransportKind},
        fleet::{
            ConnectionKey, Home,
            message::{Asked, Notice, Reply, Request, Transport},
        },
        lifetime::WorkerId,
    },
};

/// Answers the other instances.
pub struct HomeOfConnections {
    pub connections: Arc<Connections>,
    pub hubs: Arc<[Numbered]>,
}

impl Home for HomeOfConnections {
    fn answer(&self, from: InstanceId, request: Request) -> BoxFuture<'static, Reply> {
        let connections = self.connections.clone();
        match request {
            Request::Attach { asked, transport } => self.at(asked, move |record| async move {
                attach(record, from, transport, &connections).await
            }),
            Request::Poll { asked, poll, stamp } => self.at(asked, move |record| async move {
                let poll = NewPoll {
                    id: PollId::There(from, poll),
                    stamp,
                };
                poll_here(record, poll, &connections).await
            }),
            Request::Post {
                asked,
                post,
                piece,
                is_last,
                bytes,
            } => self.at(asked, move |record| {
                forwarded_post::receive(record, (from, post), piece, is_last, bytes.into())
            }),
            Request::Delete { asked } => self.at(asked, move |record| async move {
                long_polling::delete(&record, &connections).into()
            }),
            Request::Close { connection_id } => Box::pin(async move {
                Reply::Closed(open_connections::close_here(&connections, &connection_id).await)
            }),
            Request::List(filter) => Box::pin(async move {
                Reply::Listed(open_connections::list_here(&connections, &filter).await)
            }),
            Request::WasDelivered { .. } => Box::pin(std::future::ready(Reply::NotUnderstood)),
        }
    }

    fn notice(&self, from: InstanceId, notice: Notice) {
        match notice {
            Notice::PollGoesOut { key, poll } => self.on_record(key, move |record| {
                long_polling::goes_out(record, &PollId::There(from, poll));
            }),
            Notice::PollOver {
                key,
                poll,
                delivered,
            } => self.on_record(key, move |record| {
                long_polling::settle(record, &PollId::There(from, poll), delivered);
            }),
            Notice::PostOver { key, post } => self.on_record(key, move |record| {
                record.forwarded_posts().end(&(from, post));
            }),
            Notice::EdgeStops { key } => self.on_record(key, move |record| {
                long_polling::send_back(record, &from);
            }),
        }
    }

    fn died(&self, dead: &InstanceId) {
        let workers = self.connections.workers();
        for worker in 0..workers.len() {
            let dead = dead.clone();
            workers.post(worker, move || {
                for record in record::all() {
                    long_polling::edge_died(&record, &dead);
                    record.forwarded_posts().edge_died(&dead);
                }
            });
        }
    }

    fn claims(&self) -> Vec<ConnectionKey> {
        self.connections.listed()
    }

    fn lost(&self, keys: Vec<ConnectionKey>) {
        for key in keys {
            self.on_record(key, |record| record.dispose(CloseReason::Moved));
        }
    }

    fn offer_secret(&self) -> Option<[u8; 32]> {
        self.connections.keys().offer()
    }

    fn adopt_secret(&self, secret: &[u8; 32]) {
        if self.connections.keys().adopt(secret) {
            tracing::debug!("took over the fleet's key for connection tokens");
        }
    }
}

impl HomeOfConnections {
    /// Runs something with a connection, on its worker.
    fn at<F, Fut>(&self, asked: Asked, call: F) -> BoxFuture<'static, Reply>
    where
        F: FnOnce(Rc<Record>) -> Fut + Send + 'static,
        Fut: Future<Output = Reply> + 'static,
    {
        let home = match self.home(&asked) {
            Ok(home) => home,
            Err(reply) => return Box::pin(std::future::ready(reply)),
        };
        let must_match = self.connections.bind_to_user && !asked.checked;
        let answer = self
            .connections
            .workers()
            .request(home, move || async move {
                match record::find(asked.key) {
                    None => Reply::Elsewhere,
                    Some(record) if must_match && !belongs(&record, asked.user.as_deref()) => {
                        Reply::Foreign
                    }
                    Some(record) => call(record).await,
                }
            });
        Box::pin(async move { answer.await.unwrap_or(Reply::Elsewhere) })
    }

    fn home(&self, asked: &Asked) -> Result<WorkerId, Reply> {
        match self.connections.known(asked.key) {
            Some(Claim::Live { hub, worker, .. }) if self.hubs[hub].1.path() == asked.hub => {
                Ok(worker)
            }
            None => Err(Reply::Elsewhere),
            Some(_) => Err(response::no_connection().into()),
        }
    }

    fn on_record(&self, key: ConnectionKey, call: impl FnOnce(&Record) + Send + 'static) {
        if let Some(Claim::Live { worker, .. }) = self.connections.known(key) {
            self.connections.workers().post(worker, move || {
                if let Some(record) = record::find(key) {
                    call(&record);
                }
            });
        }
    }
}

/// Whether a connection is this user's. The edge cannot tell if it does not know the token's key.
fn belongs(record: &Record, user: Option<&str>) -> bool {
    let hub = record.hub();
    let owner = hub.as_ref().and_then(|hub| hub.connection().user());
    owner.is_none_or(|owner| Some(owner.id.as_str()) == user)
}

/// A socket or an event stream arrived at another instance.
async fn attach(
    record: Rc<Record>,
    to: InstanceId,
    transport: Transport,
    connections: &Connections,
) -> Reply {
    let asked = match transport {
        Transport::WebSockets => TransportKind::WebSockets,
        Transport::ServerSentEvents => TransportKind::ServerSentEvents,
        Transport::LongPolling => TransportKind::LongPolling,
    };
    match record.kind() {
        None => give_away(record, to.clone(), connections).await,
        Some(TransportKind::WebSockets) if asked == TransportKind::WebSockets => {
            resume_elsewhere(&record, connections).into()
        }
        Some(kind) if kind == asked => response::conflict().into(),
        Some(_) => response::cannot_change_transports().into(),
    }
}

/// A stateful connection cannot be resumed on another instance. Its client begins anew at once, so
/// what it leaves here is over.
fn resume_elsewhere(record: &Rc<Record>, connections: &Connections) -> Answer {
    match record.hub() {
        Some(hub) if hub.is_resumable() => {
            record.dispose(CloseReason::ClientLeft);
            if record.inactive_since().is_some() {
                connections.remove(record);
            }
            response::no_connection()
        }
        // The socket before this one was lost before its handshake.
        None => {
            record.dispose(CloseReason::ClientLeft);
            connections.remove(record);
            response::no_connection()
        }
        Some(_) => response::conflict(),
    }
}

async fn poll_here(record: Rc<Record>, poll: NewPoll, connections: &Connections) -> Reply {
    match record.kind() {
        None => {
            let PollId::There(to, _) = &poll.id else {
                return Reply::NotUnderstood;
            };
            give_away(record, to.clone(), connections).await
        }
        Some(TransportKind::LongPolling) => {
            long_polling::next(&record, poll, connections).await.into()
        }
        Some(_) => response::cannot_change_transports().into(),
    }
}

/// Posts came before there was a transport: whoever has the transport becomes the home.
async fn give_away(record: Rc<Record>, to: InstanceId, connections: &Connections) -> Reply {
    let Some(fleet) = connections.fleet() else {
        return Reply::NotUnderstood;
    };
    let Some((early, _turn)) = record.give_away().await else {
        return response::gone().into();
    };
    match fleet.directory().hand_over(record.key(), &to).await {
        Ok(true) => {
            connections.forget(&record);
            Reply::TakeOver {
                connection_id: record.id().as_str().to_owned(),
                stateful: record.is_stateful(),
                early,
            }
        }
        Ok(false) | Err(_) => {
            record.keep(early);
            response::unavailable().into()
        }
    }
}
