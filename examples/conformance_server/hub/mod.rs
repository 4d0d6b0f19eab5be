//! The hub: what it does when clients come and go, and its methods by name.
//!
//! The methods themselves are grouped by what they show: [`values`], [`errors`], [`sends`],
//! [`streams`], [`uploads`] and [`asks`].

mod asks;
mod errors;
mod sends;
mod streams;
mod uploads;
mod values;

use std::{sync::Arc, time::Duration};

use managing_api::signalr::hub::{Hub, HubCallerContext, HubError, HubResult, Methods};

use crate::journal::Journal;

/// A text parameter; null is a value too.
type Text = Option<String>;
/// A list of names.
type Names = Option<Vec<String>>;

/// The hub at `/conformance`.
#[derive(Default)]
pub struct ConformanceHub {
    journal: Arc<Journal>,
    /// Whether there may be other instances.
    is_distributed: bool,
}

impl ConformanceHub {
    /// The hub of one instance, or of one of several.
    pub fn new(is_distributed: bool) -> Self {
        Self {
            is_distributed,
            ..Self::default()
        }
    }
}

impl Hub for ConformanceHub {
    fn methods(methods: &mut Methods<Self>) {
        Self::value_methods(methods);
        Self::error_methods(methods);
        Self::send_methods(methods);
        Self::stream_methods(methods);
        Self::upload_methods(methods);
        Self::ask_methods(methods);
    }

    /// Does what the query asks for, in this order.
    async fn on_connected(&self, context: &HubCallerContext) -> HubResult<()> {
        self.journal.note(&query(context, "tag"), "connected");
        if let Ok(ms) = query(context, "delay").parse() {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let caller = context.clients().caller();
        if is_set(context, "greet") {
            caller.send("Connected", ("welcome",)).await?;
        }
        if is_set(context, "ask") {
            caller.invoke::<Text>("Answer", ("early",)).await?;
        }
        if is_set(context, "refuse") {
            return Err(invalid_operation("refused in OnConnected"));
        }
        if is_set(context, "refusehub") {
            return Err(HubError::new("refused by hub"));
        }
        if is_set(context, "abort") {
            context.abort();
        }
        Ok(())
    }

    async fn on_disconnected(
        &self,
        context: &HubCallerContext,
        error: Option<&HubError>,
    ) -> HubResult<()> {
        let what = match error {
            None => "disconnected",
            Some(_) => "disconnected with error",
        };
        self.journal.note(&query(context, "tag"), what);
        if is_set(context, "failend") {
            return Err(invalid_operation("failed in OnDisconnected"));
        }
        Ok(())
    }
}

fn query(context: &HubCallerContext, name: &str) -> String {
    context
        .request()
        .query(name)
        .unwrap_or_default()
        .into_owned()
}

fn is_set(context: &HubCallerContext, name: &str) -> bool {
    context.request().query(name).as_deref() == Some("1")
}

/// An ordinary error, as hub methods of .NET throw it.
fn invalid_operation(text: impl Into<String>) -> HubError {
    HubError::internal("InvalidOperationException", text)
}

/// A text that must not be null here.
fn required(text: Text) -> HubResult<String> {
    text.ok_or_else(|| HubError::internal("ArgumentNullException", "Value cannot be null."))
}

/// Waits so many milliseconds.
async fn pause(ms: i32) -> HubResult<()> {
    let ms = u64::try_from(ms).map_err(|_| {
        HubError::internal(
            "ArgumentOutOfRangeException",
            "The delay must not be negative.",
        )
    })?;
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Ok(())
}
