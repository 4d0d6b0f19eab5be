//! Arguments are bound by position, to the parameters of plain `async fn`s.

use std::rc::Rc;

use super::{Hub, HubCallerContext, HubResult, Upload, connection::HubConnection};
use crate::signalr::protocol::{Decode, DecodeError, Raw};

/// The arguments of one call: values in order, and the ids of its upload streams.
pub(super) struct ArgumentReader<'a> {
    pub values: std::slice::Iter<'a, Raw<'a>>,
    pub streams: &'a mut dyn Iterator<Item = &'a str>,
    pub connection: &'a Rc<HubConnection>,
}

/// A parameter of a hub method.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a hub method",
    note = "an argument is a type that serde can deserialize, without borrowing, or an `Upload` of such"
)]
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

/// An `async fn(&self, &HubCallerContext, arguments...) -> HubResult<R>` with up to eight arguments.
///
/// What is none does not compile, for instance without the context:
///
/// ```compile_fail
/// use managing_api::signalr::hub::{Hub, HubResult, Methods};
///
/// struct ChatHub;
///
/// impl Hub for ChatHub {
///     fn methods(methods: &mut Methods<Self>) {
///         methods.method("Add", Self::add);
///     }
/// }
///
/// impl ChatHub {
///     async fn add(&self, a: i32, b: i32) -> HubResult<i32> {
///         Ok(a + b)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "this is not a hub method",
    label = "not an `async fn(&self, &HubCallerContext, arguments...) -> HubResult<R>`",
    note = "it takes at most eight arguments, each of which serde can deserialize, or an `Upload` of such",
    note = "its result is a type that serde can serialize; with `Methods::stream` a `HubStream` of such"
)]
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
