//! From fred's ring to the queues, as fast as they come.
//!
//! fred drops what is not taken from its ring in time, so nothing here waits for anybody.

use std::sync::Arc;

use bytes::Bytes;
use fred::types::{Message, Value};
use tokio::sync::broadcast::{
    Receiver,
    error::{RecvError, TryRecvError},
};

use super::registry::Registry;
use crate::redis::numbers::Numbers;

/// Carries messages until the connection they come from has ended.
pub(super) async fn run(
    mut messages: Receiver<Message>,
    registry: Arc<Registry>,
    numbers: Arc<Numbers>,
) {
    loop {
        match messages.recv().await {
            Ok(message) => deliver(message, &registry, &numbers),
            Err(RecvError::Lagged(count)) => registry.lose(count),
            Err(RecvError::Closed) => return,
        }
        // `recv` gives way after a number of messages; a burst is taken whole.
        loop {
            match messages.try_recv() {
                Ok(message) => deliver(message, &registry, &numbers),
                Err(TryRecvError::Lagged(count)) => registry.lose(count),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => return,
            }
        }
    }
}

fn deliver(message: Message, registry: &Registry, numbers: &Numbers) {
    numbers.received.add(1);
    let payload = match message.value {
        Value::Bytes(bytes) => bytes,
        Value::String(text) => text.into_inner(),
        // A publisher can send bytes only; fred reads those that look like a number as text.
        other => Bytes::from(other.into_string().unwrap_or_default()),
    };
    registry.deliver(&message.channel, &payload);
}
