//! Sending: to many, and to one connection.

use std::sync::Arc;

use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::{HubLifetimeManager, Message, SendError, Target, WorkerId, workers::Delivery};
use crate::signalr::{
    backplane::{Envelope, Prepared},
    connection::{ConnectionId, Frame},
    protocol::{EncodeArguments, Protocol, write},
};

/// Ready when a worker has put a message into the outboxes there.
type Receipts = SmallVec<[oneshot::Receiver<()>; 4]>;

impl HubLifetimeManager {
    /// Sends to many: members on this worker first, then those on the others, then other instances.
    ///
    /// Succeeds when the members here have it and the rest is queued. Fails with nothing sent.
    pub async fn send(
        &self,
        target: Target,
        excluded: Arc<[ConnectionId]>,
        message: Arc<Message>,
    ) -> Result<(), SendError> {
        self.numbers().sent();
        if !self.is_distributed() {
            self.deliver(target.distinct(), excluded, message).await;
            return Ok(());
        }
        let prepared = self.prepare(&target, &excluded, &message).await?;
        let receipts = self.post(target, excluded, message).await;
        if let Some(prepared) = prepared {
            prepared.publish();
        }
        join(receipts).await;
        Ok(())
    }

    /// Sends to one connection and waits for room there; an unknown one is no error.
    pub async fn send_connection(
        &self,
        id: &ConnectionId,
        target: &str,
        arguments: &dyn EncodeArguments,
    ) -> Result<(), SendError> {
        if let Some(connection) = self.on_this_worker(id) {
            self.numbers().sent();
            let protocol = connection.protocol();
            let frame = Frame::encode(protocol, true, |out| {
                write::write_invocation(protocol, out, None, target, arguments)
            })?;
            connection.send(frame).await;
            return Ok(());
        }
        let message = Arc::new(Message::encode(target, arguments, &Protocol::ALL)?);
        if !self.contains(id.as_str()) {
            let target = Target::Connections(Arc::from([id.clone()]));
            return self.send(target, Arc::from([]), message).await;
        }
        self.with_connection(id, move |connection| async move {
            if let Ok(frame) = message.frame(connection.protocol()) {
                connection.send(frame.clone()).await;
            }
        })
        .await;
        Ok(())
    }

    /// Hands a message to the members on every worker; ends when it is in their outboxes.
    async fn deliver(&self, target: Target, excluded: Arc<[ConnectionId]>, message: Arc<Message>) {
        join(self.post(target, excluded, message).await).await;
    }

    /// Hands a message to the members on this worker, and puts it into the mailboxes of the others.
    pub(super) async fn post(
        &self,
        target: Target,
        excluded: Arc<[ConnectionId]>,
        message: Arc<Message>,
    ) -> Receipts {
        let mut receipts = Receipts::new();
        let Some(place) = self.place() else {
            return receipts;
        };
        let here = self.here(place).map(|here| {
            let members = here.members(place.hub);
            members.deliver(&target, &excluded, &message);
            here.id()
        });
        let meant = self.workers_of(&target);
        let is_meant = |worker: &WorkerId| meant.as_ref().is_none_or(|it| it.contains(worker));
        let others = (0..place.workers.len()).filter(|worker| Some(*worker) != here);
        for worker in others.filter(is_meant) {
            let delivery = Delivery {
                hub: place.hub,
                target: target.clone(),
                excluded: excluded.clone(),
                message: message.clone(),
            };
            receipts.push(place.workers.deliver(worker, delivery).await);
        }
        receipts
    }

    /// Where the connections live that a target names one by one. None: it may be anywhere.
    fn workers_of(&self, target: &Target) -> Option<SmallVec<[WorkerId; 4]>> {
        let Target::Connections(ids) = target else {
            return None;
        };
        Some(ids.iter().filter_map(|id| self.worker_of(id)).collect())
    }

    /// A place in the queue to the other instances. None: nobody there can be meant.
    async fn prepare(
        &self,
        target: &Target,
        excluded: &[ConnectionId],
        message: &Message,
    ) -> Result<Option<Box<dyn Prepared>>, SendError> {
        let elsewhere = match target {
            Target::Connections(ids) => {
                let there = ids.iter().filter(|id| !self.contains(id.as_str()));
                let there: Arc<[ConnectionId]> = there.cloned().collect();
                if there.is_empty() {
                    return Ok(None);
                }
                &Target::Connections(there)
            }
            target => target,
        };
        let envelope = Envelope {
            target: elsewhere,
            excluded,
            message: &message.serialized(),
        };
        Ok(Some(self.backplane().prepare(envelope).await?))
    }
}

async fn join(receipts: Receipts) {
    for receipt in receipts {
        let _ = receipt.await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use tokio::task::{LocalSet, yield_now};

    use super::*;
    use crate::signalr::lifetime::Workers;

    /// Who sends to a group and then asks a member must find the message there.
    #[tokio::test]
    async fn a_send_ends_when_every_worker_has_it() {
        let workers = Workers::new(2, 1);
        let manager = HubLifetimeManager::new("hub", "Hub");
        assert!(manager.start(workers.clone(), 0));
        let local = LocalSet::new();
        let sending = local.run_until(async {
            workers.start_worker().expect("the first one");
            let message = manager.encode("method", &()).expect("no arguments");
            let mut sending = pin!(manager.send(Target::All, Arc::from([]), message));
            for _ in 0..10 {
                assert!(sending.as_mut().now_or_never().is_none());
                yield_now().await;
            }
            workers.start_worker().expect("the second one");
            sending.await
        });
        sending.await.expect("sent");
    }
}
