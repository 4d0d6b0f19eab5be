//! This instance as the edge of a connection whose home is another one: the request is carried
//! there, the answer back.
//!
//! While Redis does not answer, requests wait, because nobody can say that their connection is
//! gone. What is known to be dead is gone at once.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::{
    caller::Caller,
    dispatch::Numbered,
    post::Pieces,
    receipt::{Polled, Receipt},
    registry::Connections,
    response::{self, Answer},
};
use crate::{
    redis::{CallError, InstanceId},
    signalr::{
        connection::TransportKind,
        fleet::{
            Doubt, EdgePoll, Fleet,
            message::{Asked, Notice, Reply, Request, Transport},
        },
        lifetime::WorkerId,
    },
};

/// Between two attempts to reach a home.
const PAUSE: Duration = Duration::from_millis(100);
/// One question that needs no waiting at the home.
const QUESTION: Duration = Duration::from_secs(8);
/// What the home's answer to a poll may take longer than the poll.
const ON_THE_WAY: Duration = Duration::from_secs(10);
/// How long a post or the end of a connection waits for Redis.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long the answer to a resume may take: its client tries once and then begins anew.
const RESUME: Duration = Duration::from_secs(1);
/// Bytes in one piece of a body.
const PIECE: usize = 64 * 1024;

/// A request whose connection lives elsewhere.
pub struct Edge<'a> {
    pub connections: &'a Arc<Connections>,
    pub fleet: &'a Arc<Fleet>,
    pub hub: &'a Numbered,
    pub caller: &'a Caller,
    pub home: InstanceId,
}

/// What came of it.
pub enum Outcome<T> {
    /// The answer for the client.
    Answered(T),
    /// The connection lives here from now on.
    TakenOver(WorkerId),
    /// It lives somewhere else by now: the directory must be asked again.
    Moved,
}

impl Edge<'_> {
    /// Carries a poll.
    pub async fn poll(&self, stamp: Option<u64>) -> Outcome<Polled> {
        let limit = self.hub.1.connection_options().poll_timeout;
        let deadline = Instant::now() + limit;
        let mut patience = Patience::new(deadline);
        loop {
            let poll = EdgePoll::begin(self.fleet, &self.home, self.caller.key);
            let request = Request::Poll {
                asked: self.asked(),
                poll: poll.number(),
                stamp,
            };
            match self
                .fleet
                .ask(&self.home, &request, limit + ON_THE_WAY)
                .await
            {
                Ok(Reply::Answer(answer)) => {
                    if stamp.is_none() && !answer.body.is_empty() {
                        poll.goes_out().await;
                    }
                    let receipt = Receipt::There(poll);
                    return Outcome::Answered(Polled::new(answer.into(), receipt));
                }
                Ok(reply) => return self.other(reply),
                Err(error) => match patience.after(self, error).await {
                    Next::Again => {}
                    Next::Gone => return Outcome::Answered(response::no_connection().into()),
                    // The client polls again.
                    Next::Late => return Outcome::Answered(Answer::text(200, "").into()),
                },
            }
        }
    }

    /// Asks the home to answer the poll that waits here, because this instance stops.
    pub fn stops(&self) {
        let key = self.caller.key;
        self.fleet.notify(&self.home, &Notice::EdgeStops { key });
    }

    /// Carries a body, in pieces.
    pub async fn post(&self, pieces: &mut Pieces) -> Outcome<Answer> {
        let mut post = EdgePost::begin(self);
        let mut rest = Bytes::new();
        let mut number = 0;
        loop {
            if rest.is_empty() {
                rest = pieces.next().await.unwrap_or_default();
            }
            let piece = rest.split_to(rest.len().min(PIECE));
            if rest.is_empty() {
                rest = pieces.next().await.unwrap_or_default();
            }
            let is_last = rest.is_empty();
            match post.send(&piece, number, is_last).await {
                Some(Reply::Taken) => number += 1,
                Some(Reply::Elsewhere) if number == 0 => {
                    // Nothing was taken: what was read goes to the next home, before the rest.
                    post.is_over = true;
                    pieces.put_back([piece, rest]);
                    return Outcome::Moved;
                }
                Some(reply) => {
                    post.is_over = true;
                    return self.other(reply);
                }
                None => return Outcome::Answered(response::unavailable()),
            }
        }
    }

    /// Carries the end of a connection.
    pub async fn delete(&self) -> Outcome<Answer> {
        let request = Request::Delete {
            asked: self.asked(),
        };
        match self.ask(&request, Instant::now() + PATIENCE).await {
            Some(reply) => self.other(reply),
            None => Outcome::Answered(response::unavailable()),
        }
    }

    /// A socket or event stream arrived here. What can be resumed only at its home is refused at once.
    pub async fn attach(&self, kind: TransportKind) -> Outcome<Answer> {
        let transport = match kind {
            TransportKind::WebSockets => Transport::WebSockets,
            TransportKind::ServerSentEvents => Transport::ServerSentEvents,
            TransportKind::LongPolling => Transport::LongPolling,
        };
        let asked = self.asked();
        let request = Request::Attach { asked, transport };
        let resumes = kind == TransportKind::WebSockets && self.caller.is_stateful();
        let patience = if resumes { RESUME } else { PATIENCE };
        match self.ask(&request, Instant::now() + patience).await {
            Some(reply) => self.other(reply),
            None if resumes => Outcome::Answered(response::no_connection()),
            None => Outcome::Answered(response::unavailable()),
        }
    }

    /// None: Redis did not answer in time.
    async fn ask(&self, request: &Request, deadline: Instant) -> Option<Reply> {
        let mut patience = Patience::new(deadline);
        loop {
            let limit = QUESTION.min(deadline.saturating_duration_since(Instant::now()));
            match self.fleet.ask(&self.home, request, limit).await {
                Ok(Reply::Full) => {}
                Ok(reply) => return Some(reply),
                Err(error) => match patience.after(self, error).await {
                    Next::Again => {}
                    Next::Gone => return Some(response::no_connection().into()),
                    Next::Late => return None,
                },
            }
        }
    }

    fn other<T: From<Answer>>(&self, reply: Reply) -> Outcome<T> {
        match reply {
            Reply::Answer(answer) => Outcome::Answered(T::from(answer.into())),
            Reply::TakeOver {
                connection_id,
                stateful,
                early,
            } => {
                let new = (connection_id, stateful, early);
                match self.connections.take_over(self.hub, self.caller, new) {
                    Some(worker) => Outcome::TakenOver(worker),
                    None => Outcome::Answered(T::from(response::gone())),
                }
            }
            Reply::Foreign => Outcome::Answered(T::from(response::foreign())),
            Reply::Elsewhere => Outcome::Moved,
            _ => Outcome::Answered(T::from(response::unavailable())),
        }
    }

    fn asked(&self) -> Asked {
        Asked {
            key: self.caller.key,
            hub: self.hub.1.path().to_owned(),
            user: self.caller.user.clone(),
            checked: self.caller.is_checked(),
        }
    }
}

/// A body on its way. Unless it is over, dropping it tells the home that the client broke off.
struct EdgePost<'a> {
    edge: &'a Edge<'a>,
    number: u64,
    is_over: bool,
}

impl<'a> EdgePost<'a> {
    fn begin(edge: &'a Edge<'a>) -> Self {
        Self {
            edge,
            number: edge.fleet.next_post(),
            is_over: false,
        }
    }

    async fn send(&mut self, piece: &Bytes, number: u32, is_last: bool) -> Option<Reply> {
        let request = Request::Post {
            asked: self.edge.asked(),
            post: self.number,
            piece: number,
            is_last,
            bytes: piece.to_vec(),
        };
        self.edge.ask(&request, Instant::now() + PATIENCE).await
    }
}

impl Drop for EdgePost<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let notice = Notice::PostOver {
                key: self.edge.caller.key,
                post: self.number,
            };
            self.edge.fleet.notify(&self.edge.home, &notice);
        }
    }
}

/// What to do after a question without an answer.
enum Next {
    Again,
    /// The home is dead.
    Gone,
    /// It took too long.
    Late,
}

/// How long a question is repeated.
struct Patience {
    deadline: Instant,
    doubt: Doubt,
}

impl Patience {
    fn new(deadline: Instant) -> Self {
        let doubt = Doubt::default();
        Self { deadline, doubt }
    }

    async fn after(&mut self, edge: &Edge<'_>, error: CallError) -> Next {
        if self.doubt.is_dead(edge.fleet, &edge.home, error).await {
            debug!(home = %edge.home, "the home of a connection is dead");
            return Next::Gone;
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !edge.fleet.connected(left).await {
            return Next::Late;
        }
        sleep(PAUSE.min(left)).await;
        Next::Again
    }
}
