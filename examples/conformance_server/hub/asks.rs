//! Methods that ask a client and wait for its answer.

use std::time::Duration;

use managing_api::signalr::hub::{HubCallerContext, HubError, HubResult, Methods};

use super::{ConformanceHub, Text, required};

impl ConformanceHub {
    pub(super) fn ask_methods(methods: &mut Methods<Self>) {
        methods.method("AskCaller", Self::ask_caller);
        methods.method("AskConnection", Self::ask_connection);
        methods.method("AskInt", Self::ask_int);
        methods.method("AskFor", Self::ask_for);
        methods.method("TryAsk", Self::try_ask);
    }

    async fn ask_caller(&self, c: &HubCallerContext, question: Text) -> HubResult<Text> {
        c.clients().caller().invoke("Answer", (question,)).await
    }

    /// Given up when the caller, who is not the one asked, has gone.
    async fn ask_connection(
        &self,
        c: &HubCallerContext,
        connection: Text,
        question: Text,
    ) -> HubResult<Text> {
        let asked = c.clients().connection(&required(connection)?);
        tokio::select! {
            answer = asked.invoke("Answer", (question,)) => answer,
            () = c.aborted() => Err(HubError::new("Invocation canceled by the server.")),
        }
    }

    async fn ask_int(&self, c: &HubCallerContext, question: Text) -> HubResult<i32> {
        c.clients().caller().invoke("Answer", (question,)).await
    }

    async fn ask_for(&self, c: &HubCallerContext, question: Text, ms: i32) -> HubResult<Text> {
        let limit = Duration::from_millis(ms.try_into().unwrap_or(0));
        let caller = c.clients().caller();
        caller.invoke_within(limit, "Answer", (question,)).await
    }

    /// Tells what went wrong as its result.
    async fn try_ask(
        &self,
        c: &HubCallerContext,
        connection: Text,
        question: Text,
    ) -> HubResult<String> {
        let asked = c.clients().connection(&required(connection)?);
        let answer: HubResult<Text> = asked.invoke("Answer", (question,)).await;
        Ok(match answer {
            Ok(text) => format!("answered: {}", text.unwrap_or_default()),
            Err(error) => format!("failed: {}", error.message()),
        })
    }
}
