//! What clients post: to a connection that has no transport yet it is kept, within
//! `ApplicationMaxBufferSize`; then it is the hub's input, as soon as there is room. One that moves to
//! another instance takes along what was posted so far.

use std::time::Duration;

use futures_util::FutureExt;

use super::Record;
use crate::signalr::{connection::CloseReason, transport::forwarded_post::ForwardedPosts};

/// How long a connection that moves waits for a body that is being posted.
const POST_UNDERWAY: Duration = Duration::from_secs(5);
/// What may have been posted to a connection that moves: it travels in one message.
const MOST_MOVED: usize = 1 << 20;

impl Record {
    /// Hands over what was posted before there was a transport.
    pub fn feed_early(&self) {
        let early = std::mem::take(&mut *self.early.borrow_mut());
        if let (Some(hub), false) = (self.hub(), early.is_empty()) {
            hub.receive(&early);
        }
        self.changed.notify_waiters();
    }

    /// Takes posted bytes, as soon as there is room. False: the connection is over.
    pub async fn receive(&self, bytes: &[u8]) -> bool {
        let limit = self
            .endpoint
            .connection_options()
            .application_max_buffer_size
            .max(1);
        loop {
            let changed = self.changed.notified();
            if self.disposed.get() {
                return false;
            }
            if let Some(hub) = self.hub() {
                tokio::select! {
                    () = hub.wants_input() => {}
                    () = hub.ended() => {}
                }
                hub.receive(bytes);
                return !self.disposed.get();
            }
            // Of one that moves the body underway is taken whole: half of it is no use to anybody.
            let room = if self.moving.get() {
                MOST_MOVED.max(limit)
            } else {
                limit
            };
            if self.early.borrow().len() < room {
                self.early.borrow_mut().extend_from_slice(bytes);
                return true;
            }
            if self.moving.get() {
                self.dispose(CloseReason::ClientLeft);
                return false;
            }
            changed.await;
        }
    }

    /// Waits until a post may be answered: what it brought is below the buffer's limit.
    pub async fn accepted(&self) -> bool {
        if self.has_room() {
            // The bytes were taken, whatever they made of the connection.
            return true;
        }
        loop {
            let changed = self.changed.notified();
            if self.disposed.get() {
                return false;
            }
            if self.moving.get() {
                return true;
            }
            let limit = self
                .endpoint
                .connection_options()
                .application_max_buffer_size
                .max(1);
            match self.hub() {
                Some(hub) if hub.wants_input().now_or_never().is_some() => return true,
                Some(hub) => {
                    tokio::select! {
                        () = hub.wants_input() => {}
                        () = changed => {}
                    }
                }
                None if self.early.borrow().len() < limit => return true,
                None => changed.await,
            }
        }
    }

    fn has_room(&self) -> bool {
        match self.hub() {
            Some(hub) => hub.wants_input().now_or_never().is_some(),
            None => self.early.borrow().is_empty(),
        }
    }

    /// Another instance takes the connection over before it has a transport: what was posted so
    /// far. None: it cannot be, a post is too large or does not end. Posts wait until the turn,
    /// which comes along, is dropped; then this is not their connection's home any more.
    pub async fn give_away(&self) -> Option<(Vec<u8>, tokio::sync::MutexGuard<'_, ()>)> {
        if self.moving.replace(true) {
            return None;
        }
        self.changed.notify_waiters();
        let turn = tokio::time::timeout(POST_UNDERWAY, self.posts.lock()).await;
        if turn.is_err() || self.disposed.get() || self.kind.get().is_some() {
            self.moving.set(false);
            return None;
        }
        let turn = turn.ok()?;
        Some((std::mem::take(&mut *self.early.borrow_mut()), turn))
    }

    /// It was not given away after all.
    pub fn keep(&self, early: Vec<u8>) {
        self.moving.set(false);
        *self.early.borrow_mut() = early;
    }

    /// Whether another instance takes it over.
    pub fn is_moving(&self) -> bool {
        self.moving.get()
    }

    /// Bodies that come in pieces from other instances.
    pub fn forwarded_posts(&self) -> std::cell::RefMut<'_, ForwardedPosts> {
        self.posts_elsewhere.borrow_mut()
    }

    /// One post at a time.
    pub async fn post_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.posts.lock().await
    }
}
