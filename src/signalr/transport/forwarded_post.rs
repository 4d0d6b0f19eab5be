//! Bodies that clients post at other instances, at the connection's home. They come in numbered
//! pieces, one at a time; a piece that is asked for again, because its answer was lost, is taken once.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::{
    post,
    record::Record,
    response::{self, Answer},
};
use crate::{redis::InstanceId, signalr::fleet::message::Reply};

/// How long the edge waits for room before it asks again.
const PATIENCE: Duration = Duration::from_secs(5);
/// A body of which nothing comes for so long is over; its edge sends or says so earlier.
const SILENCE: Duration = Duration::from_secs(30);
/// Finished posts that are remembered for repeats.
const FINISHED: usize = 32;

/// One post: numbered by the instance that accepted it.
pub type PostId = (InstanceId, u64);

/// The posts of one connection.
#[derive(Default)]
pub struct ForwardedPosts(HashMap<PostId, Rc<ForwardedPost>>);

impl ForwardedPosts {
    fn begin(&mut self, id: PostId) -> Rc<ForwardedPost> {
        let finished = self.0.values().filter(|post| post.is_finished()).count();
        if finished > FINISHED {
            self.0.retain(|_, post| !post.is_finished());
        }
        let post = Rc::<ForwardedPost>::default();
        self.0.insert(id, post.clone());
        post
    }

    /// The client broke it off.
    pub fn end(&mut self, id: &PostId) {
        if let Some(post) = self.0.remove(id) {
            post.close();
        }
    }

    /// An instance is dead, and the posts that it accepted with it.
    pub fn edge_died(&mut self, dead: &InstanceId) {
        self.0.retain(|(edge, _), post| {
            if edge == dead {
                post.close();
            }
            edge != dead
        });
    }
}

#[derive(Default)]
struct ForwardedPost {
    /// The piece that is to be taken next, once it is here.
    piece: RefCell<Option<Bytes>>,
    /// Pieces that came.
    came: Cell<u32>,
    /// Pieces that were taken.
    taken: Cell<u32>,
    /// No more pieces will come.
    complete: Cell<bool>,
    outcome: RefCell<Option<Reply>>,
    changed: Notify,
}

impl ForwardedPost {
    fn is_finished(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    fn close(&self) {
        self.complete.set(true);
        self.changed.notify_waiters();
    }

    /// The next piece for the connection; asking for it means that the one before was taken.
    async fn next(&self) -> Option<Bytes> {
        self.taken.set(self.came.get());
        self.changed.notify_waiters();
        let limit = Instant::now() + SILENCE;
        loop {
            let changed = self.changed.notified();
            if let Some(piece) = self.piece.borrow_mut().take() {
                return Some(piece);
            }
            if self.complete.get() || tokio::time::timeout_at(limit, changed).await.is_err() {
                return None;
            }
        }
    }

    /// What the edge is told of piece `number`.
    async fn reply(&self, number: u32, is_last: bool) -> Reply {
        loop {
            let changed = self.changed.notified();
            if let Some(outcome) = &*self.outcome.borrow() {
                return outcome.clone();
            }
            if !is_last && self.taken.get() > number {
                return Reply::Taken;
            }
            changed.await;
        }
    }
}

/// Takes one piece of a post.
pub async fn receive(
    record: Rc<Record>,
    id: PostId,
    number: u32,
    is_last: bool,
    bytes: Bytes,
) -> Reply {
    let known = record.forwarded_posts().0.get(&id).cloned();
    let post = match known {
        Some(post) => post,
        None if number == 0 => {
            let post = record.forwarded_posts().begin(id.clone());
            tokio::task::spawn_local(run(record.clone(), id, post.clone()));
            post
        }
        None => return fell_silent().into(),
    };
    if number == post.came.get() && !post.complete.get() {
        post.came.set(number + 1);
        *post.piece.borrow_mut() = Some(bytes);
        post.complete.set(is_last);
        post.changed.notify_waiters();
    }
    timeout(PATIENCE, post.reply(number, is_last))
        .await
        .unwrap_or(Reply::Full)
}

/// Its edge said nothing for too long: what it sends now has no place any more.
fn fell_silent() -> Answer {
    Answer::text(408, "")
}

async fn run(record: Rc<Record>, id: PostId, post: Rc<ForwardedPost>) {
    let pieces = stream::unfold(post.clone(), |post| async move {
        let piece = post.next().await?;
        Some((piece, post))
    });
    let outcome = match post::receive(record.clone(), Box::pin(pieces)).await {
        Ok(answer) if answer.status == 200 && !post.complete.get() => fell_silent().into(),
        Ok(answer) => answer.into(),
        Err(_untouched) => {
            record.forwarded_posts().0.remove(&id);
            Reply::Elsewhere
        }
    };
    *post.outcome.borrow_mut() = Some(outcome);
    post.changed.notify_waiters();
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(crate::signalr::fleet::message::Answer {
            status: answer.status,
            content_type: answer.content_type.to_owned(),
            body: answer.body.into(),
        })
    }
}

impl From<crate::signalr::fleet::message::Answer> for Answer {
    fn from(answer: crate::signalr::fleet::message::Answer) -> Self {
        Self {
            status: answer.status,
            content_type: response::content_type(&answer.content_type),
            body: answer.body.into(),
        }
    }
}
