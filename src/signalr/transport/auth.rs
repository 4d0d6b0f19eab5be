//! Who a request comes from: a trait that the product implements.

use futures_util::future::LocalBoxFuture;

use crate::signalr::connection::{RequestData, User};

/// A request that is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    /// 401 or 403.
    pub status: u16,
    /// Why, for the log and the body; it must not hold a secret.
    pub reason: String,
}

/// Authenticates every request to a hub. WebSockets and event streams of browsers bring their
/// token as `access_token` in the query, everything else as a header.
pub trait Authenticator: Send + Sync {
    /// The user, nobody, or a refusal.
    fn authenticate<'a>(
        &'a self,
        request: &'a RequestData,
    ) -> LocalBoxFuture<'a, Result<Option<User>, Rejection>>;
}

/// Lets everybody in, as nobody.
#[derive(Debug, Default)]
pub struct Anonymous;

impl Authenticator for Anonymous {
    fn authenticate<'a>(
        &'a self,
        _request: &'a RequestData,
    ) -> LocalBoxFuture<'a, Result<Option<User>, Rejection>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
