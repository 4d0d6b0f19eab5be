//! Methods that take streams from the client.

use futures_util::StreamExt;
use managing_api::signalr::hub::{HubCallerContext, HubResult, HubStream, Methods, Upload};

use super::{ConformanceHub, Text, pause, required};

impl ConformanceHub {
    pub(super) fn upload_methods(methods: &mut Methods<Self>) {
        methods.method("Sum", Self::sum);
        methods.method("SumSlow", Self::sum_slow);
        methods.method("First", Self::first);
        methods.method("Concat", Self::concat);
        methods.method("Collect", Self::collect);
        methods.stream("Upper", Self::upper);
    }

    async fn sum(&self, _: &HubCallerContext, mut items: Upload<i32>) -> HubResult<i32> {
        let mut sum = 0_i32;
        while let Some(item) = items.next().await {
            sum = sum.wrapping_add(item?);
        }
        Ok(sum)
    }

    async fn sum_slow(
        &self,
        _: &HubCallerContext,
        delay: i32,
        mut items: Upload<i32>,
    ) -> HubResult<i32> {
        let mut sum = 0_i32;
        while let Some(item) = items.next().await {
            let item = item?;
            pause(delay).await?;
            sum = sum.wrapping_add(item);
        }
        Ok(sum)
    }

    /// Leaves the rest of the upload unread.
    async fn first(&self, _: &HubCallerContext, mut items: Upload<i32>) -> HubResult<i32> {
        items.next().await.unwrap_or(Ok(-1))
    }

    async fn concat(
        &self,
        _: &HubCallerContext,
        a: Upload<Text>,
        b: Upload<Text>,
    ) -> HubResult<String> {
        let mut all = String::new();
        let mut items = a.chain(b);
        while let Some(item) = items.next().await {
            all.push_str(&item?.unwrap_or_default());
        }
        Ok(all)
    }

    /// An upload that fails is a part of the answer.
    async fn collect(
        &self,
        _: &HubCallerContext,
        tag: Text,
        mut items: Upload<Text>,
    ) -> HubResult<String> {
        let mut parts = Vec::new();
        while let Some(item) = items.next().await {
            parts.push(match item {
                Ok(text) => text.unwrap_or_default(),
                Err(error) => format!("failed: {}", error.message()),
            });
        }
        let joined = parts.join(",");
        self.journal.note(&tag.unwrap_or_default(), joined.clone());
        Ok(joined)
    }

    /// A stream up and a stream down, item by item.
    async fn upper(
        &self,
        _: &HubCallerContext,
        items: Upload<Text>,
    ) -> HubResult<HubStream<String>> {
        Ok(HubStream::new(items.map(|item| {
            required(item?).map(|text| text.chars().map(upper_case).collect())
        })))
    }
}

/// One character stays one character, as .NET's invariant culture has it.
fn upper_case(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}
