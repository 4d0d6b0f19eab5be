//! A connection that is left out for a while, because it gets a run's events another way.

use std::sync::Arc;

use super::Viewers;
use super::feed::Feed;
use crate::chat::{RunId, UserId};

/// What a held connection has seen of its conversation.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The run it knows, and that run's last event it has.
    pub run: Option<(RunId, u64)>,
    /// Whose connection it is, if it wants the conversation's events from now on.
    pub join: Option<UserId>,
}

/// Keeps one connection from getting what goes to all; dropped, it ends silently.
pub struct Hold {
    viewers: Arc<Viewers>,
    pub(super) feed: Arc<Feed>,
    pub(super) connection: String,
    run: Option<RunId>,
    /// The run that was the latest when the hold began.
    pub(super) latest: Option<RunId>,
    with_run: bool,
}

impl Hold {
    pub(super) fn new(
        viewers: Arc<Viewers>,
        feed: Arc<Feed>,
        connection: &str,
        run: Option<RunId>,
        latest: Option<RunId>,
    ) -> Self {
        Self {
            viewers,
            feed,
            connection: connection.to_owned(),
            run,
            latest,
            with_run: false,
        }
    }

    /// The connection has seen the whole run: it is left out until the others have, too.
    pub fn end_with_run(mut self) {
        self.with_run = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let key = (std::mem::take(&mut self.connection), self.run.take());
        self.feed.release(key, self.with_run);
        self.viewers.forget_if_idle(self.feed.conversation());
    }
}
