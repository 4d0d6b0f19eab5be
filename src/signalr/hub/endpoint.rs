//! A hub as the server runs it: its methods by name, its options, its connections.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt, future::LocalBoxFuture};
use tracing::error;

use super::{
    Admission, Hub, HubCallerContext, HubContext, HubError, HubOptions, HubResult, Methods,
    methods::Method,
};
use crate::signalr::{
    connection::{ConnectionOptions, User},
    lifetime::HubLifetimeManager,
};

/// What a caller without the needed role or user is told.
pub type Denial = fn(method: &str, user: Option<&User>) -> HubError;

/// One hub with everything that is the same for all its connections.
pub struct HubEndpoint {
    path: String,
    lifetime: Arc<HubLifetimeManager>,
    options: HubOptions,
    connection_options: ConnectionOptions,
    methods: HashMap<String, Method>,
    names: HashMap<&'static str, String, ahash::RandomState>,
    denial: Option<Denial>,
    admission: Option<Arc<dyn Admission>>,
    life_cycle: Box<dyn LifeCycle>,
}

impl HubEndpoint {
    /// A hub at `path`, reachable from outside through `context`.
    pub fn new<H: Hub>(
        path: &str,
        hub: Arc<H>,
        context: &HubContext,
        options: HubOptions,
        connection_options: ConnectionOptions,
    ) -> Self {
        let methods = Methods::of(hub.clone());
        let names = methods
            .iter()
            .map(|(key, method)| (method.name, key.clone()))
            .collect();
        Self {
            path: path.trim_end_matches('/').to_lowercase(),
            lifetime: context.lifetime().clone(),
            options,
            connection_options,
            methods,
            names,
            denial: None,
            admission: None,
            life_cycle: Box::new(Life(hub)),
        }
    }

    /// Tells callers without the needed role in other words than SignalR's.
    pub fn deny_with(mut self, denial: Denial) -> Self {
        self.denial = Some(denial);
        self
    }

    /// Limits connections and calls. Nothing is limited, if nothing is said.
    pub fn admit_with(mut self, admission: Arc<dyn Admission>) -> Self {
        self.admission = Some(admission);
        self
    }

    /// The path, in lower case, without a slash at the end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The hub's connections.
    pub fn lifetime(&self) -> &Arc<HubLifetimeManager> {
        &self.lifetime
    }

    /// How the hub treats its connections.
    pub fn options(&self) -> &HubOptions {
        &self.options
    }

    /// How clients are connected.
    pub fn connection_options(&self) -> &ConnectionOptions {
        &self.connection_options
    }

    /// Finds a method; names match without regard to case.
    pub(super) fn method(&self, target: &str) -> Option<&Method> {
        match self.names.get(target) {
            Some(key) => self.methods.get(key),
            None => self.methods.get(&target.to_lowercase()),
        }
    }

    pub(super) fn denial(&self) -> Option<Denial> {
        self.denial
    }

    pub(super) fn admission(&self) -> Option<&dyn Admission> {
        self.admission.as_deref()
    }

    pub(super) fn life_cycle(&self) -> &dyn LifeCycle {
        &*self.life_cycle
    }
}

/// The two moments of a connection that a hub hears of.
pub(super) trait LifeCycle: Send + Sync {
    fn connected(&self, context: HubCallerContext) -> LocalBoxFuture<'static, HubResult<()>>;
    fn disconnected(
        &self,
        context: HubCallerContext,
        error: Option<HubError>,
    ) -> LocalBoxFuture<'static, HubResult<()>>;
}

struct Life<H>(Arc<H>);

impl<H: Hub> LifeCycle for Life<H> {
    fn connected(&self, context: HubCallerContext) -> LocalBoxFuture<'static, HubResult<()>> {
        let hub = self.0.clone();
        Box::pin(guarded("on_connected", async move {
            hub.on_connected(&context).await
        }))
    }

    fn disconnected(
        &self,
        context: HubCallerContext,
        error: Option<HubError>,
    ) -> LocalBoxFuture<'static, HubResult<()>> {
        let hub = self.0.clone();
        Box::pin(guarded("on_disconnected", async move {
            hub.on_disconnected(&context, error.as_ref()).await
        }))
    }
}

/// A panic in hub code is an error of that one connection: what must happen after it still does.
async fn guarded(method: &str, work: impl Future<Output = HubResult<()>>) -> HubResult<()> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(_) => {
            error!(method, "a hub method panicked");
            Err(HubError::internal("Panic", format!("{method} panicked")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_whose_text_the_client_does_not_read() {
        let error = guarded("on_connected", async { panic!("the hub is wrong") })
            .await
            .expect_err("it panicked");
        assert_eq!(error.text_after("Closed.", false), "Closed.");
        assert_eq!(guarded("on_connected", async { Ok(()) }).await, Ok(()));
    }
}
