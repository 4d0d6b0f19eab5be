//! Methods that answer with a stream.

use std::{sync::Arc, time::Duration};

use futures_util::stream;
use managing_api::signalr::hub::{HubCallerContext, HubError, HubResult, HubStream, Methods};

use super::{ConformanceHub, Text, invalid_operation, required};
use crate::journal::Journal;

impl ConformanceHub {
    pub(super) fn stream_methods(methods: &mut Methods<Self>) {
        methods.stream("Counter", Self::counter);
        methods.stream("CounterThenThrow", Self::counter_then_throw);
        methods.stream("CounterThenThrowGeneric", Self::counter_then_throw_generic);
        methods.stream("Words", Self::words);
        methods.stream("Hold", Self::hold);
        methods.stream("ThrowBeforeStream", Self::throw_before_stream);
        methods.stream("NullStream", Self::null_stream);
    }

    /// Waits before each item, if it is told to.
    async fn counter(
        &self,
        _: &HubCallerContext,
        count: i32,
        delay: i32,
    ) -> HubResult<HubStream<i32>> {
        let delay = u64::try_from(delay).unwrap_or(0);
        if delay == 0 {
            return Ok(HubStream::new(stream::iter((0..count).map(Ok))));
        }
        Ok(HubStream::new(async_stream::stream! {
            for i in 0..count {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                yield Ok(i);
            }
        }))
    }

    async fn counter_then_throw(
        &self,
        _: &HubCallerContext,
        count: i32,
    ) -> HubResult<HubStream<i32>> {
        Ok(count_then_fail(count, HubError::new("stream failed")))
    }

    async fn counter_then_throw_generic(
        &self,
        _: &HubCallerContext,
        count: i32,
    ) -> HubResult<HubStream<i32>> {
        Ok(count_then_fail(count, invalid_operation("hidden reason")))
    }

    async fn words(&self, _: &HubCallerContext, text: Text) -> HubResult<HubStream<String>> {
        let words: Vec<_> = required(text)?
            .split(' ')
            .map(|word| Ok(word.to_owned()))
            .collect();
        Ok(HubStream::new(stream::iter(words)))
    }

    /// The first `n` numbers at once, then silence until the stream is cancelled.
    async fn hold(&self, _: &HubCallerContext, tag: Text, n: i32) -> HubResult<HubStream<i32>> {
        let (journal, tag) = (self.journal.clone(), tag.unwrap_or_default());
        Ok(HubStream::new(async_stream::stream! {
            let _noted = NotedStream::start(journal, tag);
            for i in 0..n {
                yield Ok(i);
            }
            std::future::pending::<()>().await;
        }))
    }

    async fn throw_before_stream(
        &self,
        _: &HubCallerContext,
        message: Text,
    ) -> HubResult<HubStream<i32>> {
        Err(HubError::new(message.unwrap_or_default()))
    }

    async fn null_stream(&self, _: &HubCallerContext) -> HubResult<HubStream<i32>> {
        Ok(HubStream::none())
    }
}

fn count_then_fail(count: i32, error: HubError) -> HubStream<i32> {
    let items = (0..count).map(Ok).chain(std::iter::once(Err(error)));
    HubStream::new(stream::iter(items))
}

/// Notes that a stream started, and, when it is dropped, that it ended.
struct NotedStream {
    journal: Arc<Journal>,
    tag: String,
}

impl NotedStream {
    fn start(journal: Arc<Journal>, tag: String) -> Self {
        journal.note(&tag, "stream started");
        Self { journal, tag }
    }
}

impl Drop for NotedStream {
    fn drop(&mut self) {
        self.journal.note(&self.tag, "stream ended");
    }
}
