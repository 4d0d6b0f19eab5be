//! How bytes travel: negotiate, WebSockets, server-sent events, long polling. With `app` the only
//! place that knows actix.
//!
//! | file | what |
//! |---|---|
//! | [`server`] | binds, starts the workers, stops in good order |
//! | [`dispatch`] | which request goes where (reference section 2.1) |
//! | [`negotiate`], [`token`] | stateless negotiation: a signed token that yields the connection id |
//! | [`registry`], [`record`] | which worker a connection lives on; its HTTP side there |
//! | [`websocket`], [`server_sent_events`], [`long_polling`], [`post`] | the transports |
//!
//! A connection lives on one worker, its home. A request that another worker accepted runs there as
//! a call ([`registry::Connections::at_home`]); dropping the call is the client's leaving. A request
//! that another instance accepted will take the same path.

pub mod auth;
mod clock;
mod cors;
mod dispatch;
mod drain;
mod long_polling;
pub mod negotiate;
mod post;
mod record;
mod registry;
mod response;
mod server;
mod server_sent_events;
mod token;
mod trace;
mod websocket;

pub use auth::{Anonymous, Authenticator, Rejection};
pub use cors::AllowedOrigins;
pub use negotiate::NegotiateVersion;
pub use registry::Connections;
pub use server::{Server, ServerBuilder, ServerHandle};
pub use token::TokenKey;
pub use websocket::frame;
