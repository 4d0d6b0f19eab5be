//! Which connections of a worker have something to write. Writing costs more than anything else,
//! so it happens once for everything that came in the meantime.
//!
//! There are two lists. What a connection is sent itself leaves at once. What others send to many
//! may wait a moment, so that under load several messages share a write; the first list does not
//! wait for the second.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use super::Connection;

/// Connections between two flushes before others get a turn.
const TURN: usize = 128;

/// The connections of one worker that wait for a flush.
#[derive(Default)]
pub struct FlushQueue {
    /// Those with messages of their own.
    pub own: FlushList,
    /// Those with messages that others sent.
    pub shared: FlushList,
}

impl FlushQueue {
    /// Lets those with messages of their own write; says how many there were.
    pub async fn flush_own(&self) -> usize {
        self.own.flush(Connection::run_own_flush).await
    }

    /// Lets those with messages of others write; says how many there were.
    pub async fn flush_shared(&self) -> usize {
        self.shared.flush(Connection::run_shared_flush).await
    }
}

/// Connections that are flushed together.
#[derive(Default)]
pub struct FlushList {
    waiting: RefCell<Vec<Rc<Connection>>>,
    waker: RefCell<Option<Waker>>,
}

impl FlushList {
    /// Remembers a connection until the next flush.
    pub(super) fn push(&self, connection: &Rc<Connection>) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push(connection.clone());
        if waiting.len() == 1
            && let Some(waker) = self.waker.borrow_mut().take()
        {
            waker.wake();
        }
    }

    /// Waits until a connection has something to write.
    pub async fn filled(&self) {
        std::future::poll_fn(|context: &mut Context<'_>| {
            if !self.waiting.borrow().is_empty() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Lets every waiting connection write; says how many there were.
    async fn flush(&self, write: impl Fn(&Rc<Connection>)) -> usize {
        let batch = std::mem::take(&mut *self.waiting.borrow_mut());
        let count = batch.len();
        for (index, connection) in batch.iter().enumerate() {
            write(connection);
            if index % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        self.reuse(batch);
        count
    }

    /// Keeps the list's memory for the next flush, unless it was an unusually large one.
    fn reuse(&self, mut batch: Vec<Rc<Connection>>) {
        batch.clear();
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() && batch.capacity() <= 4_096 {
            *waiting = batch;
        }
    }
}
