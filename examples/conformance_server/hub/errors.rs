//! Methods that fail, or end the connection.

use managing_api::signalr::hub::{HubCallerContext, HubError, HubResult, Methods};

use super::{ConformanceHub, Text, invalid_operation};

impl ConformanceHub {
    pub(super) fn error_methods(methods: &mut Methods<Self>) {
        methods.method("ThrowHubException", Self::throw_hub_exception);
        methods.method("ThrowException", Self::throw_exception);
        methods.method("AbortMe", Self::abort_me);
    }

    async fn throw_hub_exception(&self, _: &HubCallerContext, message: Text) -> HubResult<()> {
        Err(HubError::new(message.unwrap_or_else(|| {
            was_thrown("Microsoft.AspNetCore.SignalR.HubException")
        })))
    }

    async fn throw_exception(&self, _: &HubCallerContext, message: Text) -> HubResult<()> {
        Err(invalid_operation(message.unwrap_or_else(|| {
            was_thrown("System.InvalidOperationException")
        })))
    }

    async fn abort_me(&self, context: &HubCallerContext) -> HubResult<()> {
        context.abort();
        Ok(())
    }
}

/// What .NET says for an exception without a text.
fn was_thrown(name: &str) -> String {
    format!("Exception of type '{name}' was thrown.")
}
