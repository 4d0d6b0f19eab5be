//! An open connection, and what its users find out about it. What it is replaced by, and when, is
//! up to its [`link`](super::link).

use std::{sync::Arc, time::Duration};

use fred::{clients::Client, error::ErrorKind, interfaces::ClientLike as _};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::reason::reason;

/// A connection that is, or was, open.
#[derive(Clone)]
pub(super) struct Connection {
    pub client: Client,
    /// Where a fleet publishes and counts subscribers, if this is a cluster.
    pub home_slot: u16,
    /// Cancelled when the connection has ended.
    gone: CancellationToken,
    /// What its user finds.
    health: watch::Sender<Health>,
}

/// How a connection is.
#[derive(Clone, PartialEq)]
pub(super) enum Health {
    Answers,
    /// Nothing has come for a while.
    Silent,
    /// It is to be ended, for this reason.
    Failed(Arc<str>),
}

impl Connection {
    pub fn new(client: Client, home_slot: u16) -> Self {
        Self {
            client,
            home_slot,
            gone: CancellationToken::new(),
            health: watch::Sender::new(Health::Answers),
        }
    }

    /// Nothing is heard on it any more.
    pub fn end(&self) {
        self.gone.cancel();
    }

    pub async fn gone(&self) {
        self.gone.cancelled().await;
    }

    pub fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Whether something may be sent over it.
    pub fn is_usable(&self) -> bool {
        !self.is_gone() && *self.health.borrow() == Health::Answers
    }

    /// Ends the connection, because it does not answer as it should. The first reason counts.
    pub fn fail(&self, reason: &str) {
        self.find(Health::Failed(reason.into()));
    }

    /// Waits for the answer to a `PING`, and so until Redis has read everything before it. After
    /// `patience` the connection counts as silent; it is kept until it answers after all, or is
    /// replaced. The error is the reason why it is no good.
    pub async fn ping(&self, patience: Duration) -> Result<(), String> {
        loop {
            let mut pong = std::pin::pin!(self.client.ping::<fred::types::Value>(None));
            let answer = match timeout(patience, &mut pong).await {
                Ok(answer) => answer,
                Err(_) => {
                    self.find(Health::Silent);
                    pong.await
                }
            };
            match answer {
                Ok(_) => {
                    self.find(Health::Answers);
                    return Ok(());
                }
                // Another one, so that there is always one which is waited for.
                Err(error) if *error.kind() == ErrorKind::Timeout => self.find(Health::Silent),
                Err(error) => return Err(reason(&error)),
            }
        }
    }

    fn find(&self, health: Health) {
        self.health.send_if_modified(|known| {
            let changes = !matches!(known, Health::Failed(_)) && *known != health;
            if changes {
                *known = health;
            }
            changes
        });
    }

    /// Waits until the connection is so.
    pub async fn until(&self, is_it: impl Fn(&Health) -> bool) -> Health {
        let mut health = self.health.subscribe();
        let found = health.wait_for(|health| is_it(health)).await;
        // It cannot end without a word: the sender is here.
        found.map_or(Health::Silent, |health| health.clone())
    }
}
