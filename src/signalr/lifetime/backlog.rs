//! How much waits for clients to read it, and for workers to deliver it: gathered when somebody
//! asks, so that sending counts nothing.

use futures_util::future::join_all;

use super::{Worker, WorkerId, Workers};
use crate::signalr::connection::Outbox;

/// Connections that are looked at before the worker does something else.
const AT_ONCE: usize = 1_024;

/// What waits in the outboxes of one hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages not written yet.
    pub messages: usize,
    /// Bytes that clients have not taken: unwritten, or unacknowledged where that is more. A
    /// message to many counts for each of them.
    pub bytes: usize,
    /// The largest of a single connection.
    pub largest: usize,
    /// Connections for which something waits.
    pub waiting: usize,
    /// Connections that have used half of what is allowed before they are closed.
    pub nearly_full: usize,
}

impl Backlog {
    pub(super) fn add(&mut self, outbox: &Outbox) {
        let bytes = outbox.backlog();
        self.messages += outbox.len();
        self.bytes += bytes;
        self.largest = self.largest.max(bytes);
        self.waiting += usize::from(bytes > 0);
        self.nearly_full += usize::from(outbox.is_nearly_full());
    }

    fn join(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.largest = self.largest.max(other.largest);
        self.waiting += other.waiting;
        self.nearly_full += other.nearly_full;
    }
}

impl Workers {
    /// Of each hub, by its number. What comes and goes meanwhile is counted or not; a worker that
    /// has stopped has nothing.
    pub async fn backlogs(&self) -> Vec<Backlog> {
        let asked = (0..self.len()).map(|worker| self.request(worker, backlogs_here));
        let mut all = vec![Backlog::default(); self.hubs()];
        for here in join_all(asked).await.into_iter().flatten() {
            for (hub, backlog) in all.iter_mut().zip(here) {
                hub.join(backlog);
            }
        }
        all
    }

    /// Bytes in each worker's mailbox, by its number.
    pub fn mailbox_bytes(&self) -> impl Iterator<Item = (WorkerId, usize)> {
        (0..self.len()).map(|worker| (worker, self.waiting_for(worker)))
    }
}

async fn backlogs_here() -> Vec<Backlog> {
    let Some(worker) = Worker::current() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for hub in 0..worker.workers().hubs() {
        all.push(backlog_of(&worker, hub).await);
    }
    all
}

async fn backlog_of(worker: &Worker, hub: usize) -> Backlog {
    let mut backlog = Backlog::default();
    let mut next = 0;
    while next < worker.members(hub).len() {
        for connection in worker.members(hub).some(next, AT_ONCE) {
            backlog.add(&connection.outbox());
        }
        next += AT_ONCE;
        tokio::task::yield_now().await;
    }
    backlog
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, sync::Arc};

    use tokio::task::LocalSet;

    use super::*;
    use crate::signalr::{
        connection::{Connection, ConnectionId, Frame, OutboxLimits},
        protocol::Protocol,
    };

    const LIMITS: OutboxLimits = OutboxLimits {
        transport_buffer: 1_000,
        stateful_buffer: 1_000,
        backlog: 1_000,
        process_backlog: usize::MAX,
    };

    /// A member for whom so many messages of 98 bytes and their headers of 2 wait.
    fn member(worker: &Worker, hub: usize, id: usize, messages: usize) {
        let id = ConnectionId::from(id.to_string());
        let queue = worker.flush_queue().clone();
        let connection = Rc::new(Connection::new(id, None, LIMITS, queue));
        worker.members_mut(hub).insert(&connection);
        for _ in 0..messages {
            let frame = Frame::encode(Protocol::Json, true, |out| {
                out.resize(out.len() + 98, b'x');
                Ok(())
            });
            connection.push(frame.expect("nothing to fail"));
        }
    }

    #[tokio::test]
    async fn every_connection_counts_once_also_in_the_second_thousand() {
        let workers: Arc<Workers> = Workers::new(1, 2);
        let worker = LocalSet::new();
        let gathered = worker.run_until(async {
            let worker = workers.start_worker().expect("the first one");
            for id in 0..AT_ONCE {
                member(&worker, 0, id, 0);
            }
            member(&worker, 0, AT_ONCE, 2);
            member(&worker, 0, AT_ONCE + 1, 5);
            workers.backlogs().await
        });
        let waiting = Backlog {
            messages: 7,
            bytes: 700,
            largest: 500,
            waiting: 2,
            nearly_full: 1,
        };
        assert_eq!(gathered.await, [waiting, Backlog::default()]);
    }
}
