//! How plain `async fn`s become hub methods: arguments are bound by position, results encoded in
//! the caller's protocol.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use futures_util::future::LocalBoxFuture;

use super::{
    Hub, HubCallerContext, HubError, HubResult, HubStream, Upload, connection::HubConnection,
    invocation::Invocation,
};
use crate::signalr::protocol::{Decode, DecodeError, Encode, Raw};

/// The methods of a hub by name. Names match without regard to case.
pub struct Methods<H> {
    hub: Arc<H>,
    entries: HashMap<String, Method>,
    last: Option<String>,
}

/// One hub method.
pub(super) struct Method {
    pub name: &'static str,
    pub streaming: bool,
    pub arguments: usize,
    pub uploads: usize,
    pub requirement: Requirement,
    pub call: Box<dyn Call>,
}

/// Who may call a method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Requirement {
    #[default]
    Nothing,
    User,
    Role(&'static str),
}

/// Binds the arguments and starts a method.
pub(super) trait Call: Send + Sync {
    fn start(
        &self,
        arguments: ArgumentReader<'_>,
        invocation: Invocation,
    ) -> Result<LocalBoxFuture<'static, ()>, (DecodeError, Invocation)>;
}

impl<H: Hub> Methods<H> {
    pub(super) fn of(hub: Arc<H>) -> HashMap<String, Method> {
        let mut methods = Self {
            hub,
            entries: HashMap::new(),
            last: None,
        };
        H::methods(&mut methods);
        methods.entries
    }

    /// Adds a method that answers with one result.
    pub fn method<A: 'static, R: Encode + 'static>(
        &mut self,
        name: &'static str,
        function: impl HubMethod<H, A, R>,
    ) -> &mut Self {
        let counts = function.counts();
        let call = Box::new(ResultCall {
            hub: self.hub.clone(),
            function: Arc::new(function),
            types: Types::new(),
        });
        self.add(name, false, counts, call)
    }

    /// Adds a method that answers with a stream of items.
    pub fn stream<A: 'static, T: Encode + 'static>(
        &mut self,
        name: &'static str,
        function: impl HubMethod<H, A, HubStream<T>>,
    ) -> &mut Self {
        let counts = function.counts();
        let call = Box::new(StreamCall {
            hub: self.hub.clone(),
            function: Arc::new(function),
            types: Types::new(),
        });
        self.add(name, true, counts, call)
    }

    /// The method added last is only for callers who have a user.
    pub fn requires_user(&mut self) -> &mut Self {
        self.require(Requirement::User)
    }

    /// The method added last is only for users who hold `role`.
    pub fn requires_role(&mut self, role: &'static str) -> &mut Self {
        self.require(Requirement::Role(role))
    }

    fn require(&mut self, requirement: Requirement) -> &mut Self {
        if let Some(method) = self
            .last
            .as_ref()
            .and_then(|last| self.entries.get_mut(last))
        {
            method.requirement = requirement;
        }
        self
    }

    fn add(
        &mut self,
        name: &'static str,
        streaming: bool,
        (arguments, uploads): (usize, usize),
        call: Box<dyn Call>,
    ) -> &mut Self {
        let key = name.to_lowercase();
        let method = Method {
            name,
            streaming,
            arguments,
            uploads,
            requirement: Requirement::Nothing,
            call,
        };
        assert!(
            self.entries.insert(key.clone(), method).is_none(),
            "hub method '{name}' exists twice"
        );
        self.last = Some(key);
        self
    }
}

/// The arguments of one call: values in order, and the ids of its upload streams.
pub(super) struct ArgumentReader<'a> {
    pub values: std::slice::Iter<'a, Raw<'a>>,
    pub streams: &'a mut dyn Iterator<Item = &'a str>,
    pub connection: &'a Rc<HubConnection>,
}

/// A parameter of a hub method.
pub trait HubArgument: Sized + 'static {
    /// Whether it is an upload stream, which has an id instead of a value.
    const IS_UPLOAD: bool;

    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn read(reader: &mut ArgumentReader<'_>) -> Result<Self, DecodeError>;
}

impl<T: Decode + 'static> HubArgument for T {
    const IS_UPLOAD: bool = false;

    #[allow(private_interfaces)]
    fn read(reader: &mut ArgumentReader<'_>) -> Result<Self, DecodeError> {
        let value = reader
            .values
            .next()
            .ok_or_else(|| DecodeError::new("an argument is missing"))?;
        T::decode(*value)
    }
}

impl<T: Decode + 'static> HubArgument for Upload<T> {
    const IS_UPLOAD: bool = true;

    #[allow(private_interfaces)]
    fn read(reader: &mut ArgumentReader<'_>) -> Result<Self, DecodeError> {
        let id = reader
            .streams
            .next()
            .ok_or_else(|| DecodeError::new("a stream is missing"))?;
        Ok(reader.connection.open_upload(id))
    }
}

/// An `async fn(&self, &HubCallerContext, arguments...) -> HubResult<R>`.
pub trait HubMethod<H, A, R>: Send + Sync + 'static {
    #[doc(hidden)]
    type Arguments: 'static;

    #[doc(hidden)]
    fn counts(&self) -> (usize, usize);

    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn bind(&self, reader: ArgumentReader<'_>) -> Result<Self::Arguments, DecodeError>;

    #[doc(hidden)]
    fn call(
        &self,
        hub: &H,
        context: &HubCallerContext,
        arguments: Self::Arguments,
    ) -> impl Future<Output = HubResult<R>>;
}

macro_rules! hub_method {
    ($($argument:ident)*) => {
        impl<H, R, F, $($argument: HubArgument),*> HubMethod<H, ($($argument,)*), R> for F
        where
            H: Hub,
            R: 'static,
            F: AsyncFn(&H, &HubCallerContext, $($argument),*) -> HubResult<R> + Send + Sync + 'static,
        {
            type Arguments = ($($argument,)*);

            fn counts(&self) -> (usize, usize) {
                let is_upload: &[bool] = &[$($argument::IS_UPLOAD),*];
                let uploads = is_upload.iter().filter(|upload| **upload).count();
                (is_upload.len() - uploads, uploads)
            }

            #[allow(private_interfaces, unused_mut, unused_variables)]
            fn bind(&self, mut reader: ArgumentReader<'_>) -> Result<Self::Arguments, DecodeError> {
                Ok(($($argument::read(&mut reader)?,)*))
            }

            #[allow(non_snake_case)]
            async fn call(
                &self,
                hub: &H,
                context: &HubCallerContext,
                ($($argument,)*): Self::Arguments,
            ) -> HubResult<R> {
                self(hub, context, $($argument),*).await
            }
        }
    };
}

hub_method!();
hub_method!(A1);
hub_method!(A1 A2);
hub_method!(A1 A2 A3);
hub_method!(A1 A2 A3 A4);
hub_method!(A1 A2 A3 A4 A5);
hub_method!(A1 A2 A3 A4 A5 A6);
hub_method!(A1 A2 A3 A4 A5 A6 A7);
hub_method!(A1 A2 A3 A4 A5 A6 A7 A8);

/// Keeps the types of a method without owning values of them.
struct Types<A, R>(std::marker::PhantomData<fn(A) -> R>);

impl<A, R> Types<A, R> {
    fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

struct ResultCall<H, F, A, R> {
    hub: Arc<H>,
    function: Arc<F>,
    #[allow(dead_code)]
    types: Types<A, R>,
}

impl<H, F, A, R> Call for ResultCall<H, F, A, R>
where
    H: Hub,
    F: HubMethod<H, A, R>,
    R: Encode + 'static,
{
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

struct StreamCall<H, F, A, T> {
    hub: Arc<H>,
    function: Arc<F>,
    #[allow(dead_code)]
    types: Types<A, T>,
}

impl<H, F, A, T> Call for StreamCall<H, F, A, T>
where
    H: Hub,
    F: HubMethod<H, A, HubStream<T>>,
    T: Encode + 'static,
{
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
