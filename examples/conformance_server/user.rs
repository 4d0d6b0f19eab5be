//! The user is whoever `?user=`, the bearer token or `?access_token=` names.

use std::time::{Duration, SystemTime};

use futures_util::future::LocalBoxFuture;
use managing_api::signalr::{
    connection::{RequestData, User},
    transport::{Authenticator, Rejection},
};

/// Believes every name. `?expires=` ends the ticket after so many milliseconds.
pub struct QueryUser;

impl Authenticator for QueryUser {
    fn authenticate<'a>(
        &'a self,
        request: &'a RequestData,
    ) -> LocalBoxFuture<'a, Result<Option<User>, Rejection>> {
        Box::pin(std::future::ready(Ok(user(request))))
    }
}

fn user(request: &RequestData) -> Option<User> {
    let bearer = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let name = request
        .query("user")
        .map(|name| name.into_owned())
        .or_else(|| bearer.map(str::to_owned))
        .or_else(|| request.query("access_token").map(|name| name.into_owned()))
        .filter(|name| !name.is_empty())?;
    let mut user = User::new(name);
    let expires = request
        .query("expires")
        .and_then(|value| value.parse().ok());
    user.expires_at = expires.map(|millis| SystemTime::now() + Duration::from_millis(millis));
    Some(user)
}
