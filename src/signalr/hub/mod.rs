//! What a hub author writes, and what runs it.
//!
//! A hub is one file of plain `async fn`s. Clients call its methods by name; it sends to clients
//! through [`Clients`]. One hub value serves all connections, so it holds what they share; what
//! belongs to a connection lives in [`HubCallerContext::items`] and in groups.
//!
//! ```
//! use futures_util::StreamExt;
//! use managing_api::signalr::hub::{Hub, HubCallerContext, HubError, HubResult, HubStream, Methods, Upload};
//!
//! struct ChatHub;
//!
//! impl Hub for ChatHub {
//!     fn methods(methods: &mut Methods<Self>) {
//!         methods.method("Join", Self::join);
//!         methods.method("Say", Self::say);
//!         methods.method("Ask", Self::ask);
//!         methods.method("Sum", Self::sum);
//!         methods.stream("Count", Self::count);
//!     }
//!
//!     async fn on_connected(&self, context: &HubCallerContext) -> HubResult<()> {
//!         context.clients().others().send("Joined", (context.connection_id(),)).await?;
//!         Ok(())
//!     }
//! }
//!
//! impl ChatHub {
//!     async fn join(&self, context: &HubCallerContext, room: String) -> HubResult<()> {
//!         context.groups().add(context.connection_id(), &room).await?;
//!         context.items().set("room", &room);
//!         Ok(())
//!     }
//!
//!     async fn say(&self, context: &HubCallerContext, text: String) -> HubResult<()> {
//!         let room: String = context.items().get("room").ok_or_else(|| HubError::new("join a room first"))?;
//!         context.clients().group(&room).send("Said", (context.user_id(), text)).await?;
//!         Ok(())
//!     }
//!
//!     /// The server asks the client and waits for its answer.
//!     async fn ask(&self, context: &HubCallerContext, question: String) -> HubResult<String> {
//!         context.clients().caller().invoke("Answer", (question,)).await
//!     }
//!
//!     /// The client uploads numbers one by one.
//!     async fn sum(&self, _: &HubCallerContext, mut numbers: Upload<i64>) -> HubResult<i64> {
//!         let mut sum = 0;
//!         while let Some(number) = numbers.next().await {
//!             sum += number?;
//!         }
//!         Ok(sum)
//!     }
//!
//!     /// The server streams numbers one by one.
//!     async fn count(&self, _: &HubCallerContext, to: u32) -> HubResult<HubStream<u32>> {
//!         Ok(HubStream::new(futures_util::stream::iter((0..to).map(Ok))))
//!     }
//! }
//! ```

mod admission;
mod binding;
mod call;
mod clients;
mod connection;
mod context;
mod dispatch;
mod endpoint;
mod error;
mod groups;
mod hub_context;
mod input;
mod invocation;
mod items;
mod lifecycle;
mod methods;
mod options;
mod proxies;
mod starting;
mod stateful;
mod stream;
mod timers;
mod upload;

pub use admission::{Admission, Admitted};
pub use binding::{HubArgument, HubMethod};
pub use clients::{CallerClients, Clients};
pub use connection::{HubConnection, Origin};
pub use context::HubCallerContext;
pub use endpoint::HubEndpoint;
pub use error::{HubError, HubResult};
pub use groups::Groups;
pub use hub_context::{HubContext, Prepared};
pub use items::Items;
pub use methods::Methods;
pub use options::HubOptions;
pub use proxies::{CallerProxy, ClientProxy, SingleClientProxy};
pub use stream::HubStream;
pub use upload::Upload;

pub use super::{
    connection::{ConnectionId, RequestData, User},
    lifetime::{GroupError, SendError},
    protocol::RawPayload,
};

/// A named endpoint with methods that clients invoke.
#[allow(async_fn_in_trait)]
pub trait Hub: Send + Sync + Sized + 'static {
    /// Names the methods. Names match without regard to case.
    fn methods(methods: &mut Methods<Self>);

    /// A client has connected. An error refuses it; `on_disconnected` does not run then.
    async fn on_connected(&self, _context: &HubCallerContext) -> HubResult<()> {
        Ok(())
    }

    /// A client is gone, with an error or in good order.
    async fn on_disconnected(
        &self,
        _context: &HubCallerContext,
        _error: Option<&HubError>,
    ) -> HubResult<()> {
        Ok(())
    }
}
