//! Server-to-client streams.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt, stream::LocalBoxStream};

use super::HubResult;

/// What a streaming hub method returns: its items go to the client one by one.
///
/// The stream is dropped when the client cancels it or its connection ends.
pub struct HubStream<T> {
    items: Option<LocalBoxStream<'static, HubResult<T>>>,
}

impl<T: 'static> HubStream<T> {
    /// Streams `items`; an error ends the stream.
    pub fn new(items: impl Stream<Item = HubResult<T>> + 'static) -> Self {
        Self {
            items: Some(items.boxed_local()),
        }
    }

    /// No stream at all, which the client is told as an error.
    pub fn none() -> Self {
        Self { items: None }
    }

    /// Whether there is a stream.
    pub fn is_some(&self) -> bool {
        self.items.is_some()
    }
}

impl<T> Stream for HubStream<T> {
    type Item = HubResult<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.items {
            Some(items) => items.poll_next_unpin(context),
            None => Poll::Ready(None),
        }
    }
}
