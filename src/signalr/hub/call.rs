//! One call of a hub method: binds its arguments, runs it, answers with its result or stream.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use super::{
    Hub, HubError, HubStream,
    binding::{ArgumentReader, HubMethod},
    invocation::Invocation,
};
use crate::signalr::protocol::{DecodeError, Encode};

/// Binds the arguments and starts a method.
pub(super) trait Call: Send + Sync {
    /// Whether the arguments can be bound. Of a method without upload streams: binding opens those.
    fn can_bind(&self, arguments: ArgumentReader<'_>) -> bool;

    fn start(
        &self,
        arguments: ArgumentReader<'_>,
        invocation: Invocation,
    ) -> Result<LocalBoxFuture<'static, ()>, (DecodeError, Invocation)>;
}

/// Keeps the types of a method without owning values of them.
pub(super) struct Types<A, R>(std::marker::PhantomData<fn(A) -> R>);

impl<A, R> Types<A, R> {
    pub fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

pub(super) struct ResultCall<H, F, A, R> {
    pub hub: Arc<H>,
    pub function: Arc<F>,
    #[allow(dead_code)]
    pub types: Types<A, R>,
}

impl<H, F, A, R> Call for ResultCall<H, F, A, R>
where
    H: Hub,
    F: HubMethod<H, A, R>,
    R: Encode + 'static,
{
    fn can_bind(&self, arguments: ArgumentReader<'_>) -> bool {
        self.function.bind(arguments).is_ok()
    }

    fn start(
        &self,
        arguments: ArgumentReader<'_>,
        invocation: Invocation,
    ) -> Result<LocalBoxFuture<'static, ()>, (DecodeError, Invocation)> {
        let (arguments, invocation) = bind(&*self.function, arguments, invocation)?;
        let (hub, function) = (self.hub.clone(), self.function.clone());
        Ok(Box::pin(async move {
            let result = function.call(&hub, invocation.context(), arguments).await;
            invocation
                .complete(result.as_ref().map(|value| value as &dyn Encode))
                .await;
        }))
    }
}

/// Reads the arguments; a call that cannot be bound is given back.
fn bind<H, A, R, F: HubMethod<H, A, R>>(
    function: &F,
    arguments: ArgumentReader<'_>,
    invocation: Invocation,
) -> Result<(F::Arguments, Invocation), (DecodeError, Invocation)> {
    match function.bind(arguments) {
        Ok(arguments) => Ok((arguments, invocation)),
        Err(error) => Err((error, invocation)),
    }
}

pub(super) struct StreamCall<H, F, A, T> {
    pub hub: Arc<H>,
    pub function: Arc<F>,
    #[allow(dead_code)]
    pub types: Types<A, T>,
}

impl<H, F, A, T> Call for StreamCall<H, F, A, T>
where
    H: Hub,
    F: HubMethod<H, A, HubStream<T>>,
    T: Encode + 'static,
{
    fn can_bind(&self, arguments: ArgumentReader<'_>) -> bool {
        self.function.bind(arguments).is_ok()
    }

    fn start(
        &self,
        arguments: ArgumentReader<'_>,
        invocation: Invocation,
    ) -> Result<LocalBoxFuture<'static, ()>, (DecodeError, Invocation)> {
        let (arguments, invocation) = bind(&*self.function, arguments, invocation)?;
        let (hub, function) = (self.hub.clone(), self.function.clone());
        Ok(Box::pin(async move {
            match function.call(&hub, invocation.context(), arguments).await {
                Ok(items) if items.is_some() => invocation.stream(items).await,
                Ok(_) => invocation.fail(no_stream).await,
                Err(error) => {
                    invocation
                        .fail(|target, detailed| before_stream(&error, target, detailed))
                        .await
                }
            }
        }))
    }
}

fn no_stream(target: &str, _detailed: bool) -> String {
    format!(
        "The value returned by the streaming method '{target}' is not a ChannelReader<> or IAsyncEnumerable<>."
    )
}

fn before_stream(error: &HubError, target: &str, detailed: bool) -> String {
    error.text_after(
        &format!("An unexpected error occurred invoking '{target}' on the server."),
        detailed,
    )
}
