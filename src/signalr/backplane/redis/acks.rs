//! Group commands that wait to be acknowledged.

use std::sync::atomic::{AtomicI32, Ordering};

use ahash::RandomState;
use dashmap::DashMap;
use tokio::sync::oneshot;

/// The open commands of one hub. Ids count from 1 and wrap, as the reference's.
#[derive(Default)]
pub(super) struct Acks {
    last: AtomicI32,
    waiting: DashMap<i32, oneshot::Sender<()>, RandomState>,
}

/// One open command; dropping it gives up waiting.
pub(super) struct Waiting<'a> {
    pub id: i32,
    acks: &'a Acks,
    acknowledged: oneshot::Receiver<()>,
}

impl Acks {
    /// Opens a command.
    pub fn open(&self) -> Waiting<'_> {
        let id = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let (tell, acknowledged) = oneshot::channel();
        self.waiting.insert(id, tell);
        Waiting {
            id,
            acks: self,
            acknowledged,
        }
    }

    /// An ack came. Unknown ids, late ones and second ones are ignored.
    pub fn acknowledge(&self, id: i32) {
        if let Some((_, waiting)) = self.waiting.remove(&id) {
            let _ = waiting.send(());
        }
    }
}

impl Waiting<'_> {
    /// Ends with the ack.
    pub async fn acknowledged(&mut self) {
        if (&mut self.acknowledged).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.acks.waiting.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_ack_ends_a_command() {
        let acks = Acks::default();
        let mut first = acks.open();
        let mut second = acks.open();
        assert_eq!((first.id, second.id), (1, 2));
        acks.acknowledge(1_002);
        acks.acknowledge(2);
        acks.acknowledge(2);
        second.acknowledged().await;
        drop(second);
        assert_eq!(acks.waiting.len(), 1);
        acks.acknowledge(1);
        first.acknowledged().await;
    }

    #[test]
    fn ids_wrap() {
        let acks = Acks::default();
        acks.last.store(i32::MAX, Ordering::Relaxed);
        assert_eq!(acks.open().id, i32::MIN);
        assert!(acks.waiting.is_empty());
    }
}
