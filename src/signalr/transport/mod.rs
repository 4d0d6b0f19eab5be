//! How bytes travel: negotiate, WebSockets, server-sent events, long polling. With `app` the only
//! place that knows actix.
//!
//! | file | what |
//! |---|---|
//! | [`builder`], [`server`] | what a server is made of; binds, starts the workers, stops in good order |
//! | [`http`] | HTTP over TCP, per worker, and its limits |
//! | [`dispatch`] | which request goes where (reference section 2.1) |
//! | [`negotiate`], [`token`], [`token_keys`] | stateless negotiation: a signed token that yields the connection id |
//! | [`caller`], [`claimable`] | what a request's token says, and what it may make |
//! | [`locate`] | where a token's connection lives, and who claims it |
//! | [`registry`], [`record`] | connections of this instance: the worker, and the HTTP side there |
//! | [`serve`] | a request on its way to its connection |
//! | [`edge`], [`home`], [`forwarded_post`], [`receipt`] | connections that live on one instance and are asked for at another |
//! | [`websocket`], [`server_sent_events`], [`long_polling`], [`post`] | the transports |
//! | [`open_connections`], [`counts`] | what operators see |
//!
//! A connection lives on one worker, its home. A request that another worker accepted runs there as
//! a call ([`registry::Connections::at_home`]); dropping the call is the client's leaving. A request
//! that another instance accepted takes the same path, from [`home`].

pub mod auth;
mod builder;
mod caller;
mod claimable;
mod clock;
mod cors;
mod counts;
mod dispatch;
mod drain;
mod edge;
mod forwarded;
mod forwarded_post;
mod home;
mod http;
mod locate;
mod long_polling;
pub mod negotiate;
mod open_connections;
mod post;
mod receipt;
mod record;
mod registry;
mod response;
mod serve;
mod server;
mod server_sent_events;
mod token;
mod token_keys;
mod trace;
mod websocket;

pub use auth::{Anonymous, Authenticator, Rejection};
pub use builder::ServerBuilder;
pub use cors::AllowedOrigins;
pub use forwarded::KnownProxies;
pub use negotiate::NegotiateVersion;
pub use open_connections::{Incomplete, OpenConnections};
pub use registry::Connections;
pub use server::{Server, ServerHandle};
pub use token::TokenKey;
pub use websocket::frame;
