//! Who a client is: whoever it says. Enough to exercise users; nothing for production.

use std::time::{Duration, SystemTime};

use futures_util::future::{LocalBoxFuture, ready};
use managing_api::signalr::{
    connection::{RequestData, User},
    transport::{Authenticator, Rejection},
};

/// The name in `?user=`, else of the bearer token, else in `?access_token=`; `?expires=` ends the
/// ticket after so many milliseconds. Nobody is refused.
pub struct QueryIdentity;

impl Authenticator for QueryIdentity {
    fn authenticate<'a>(
        &'a self,
        request: &'a RequestData,
    ) -> LocalBoxFuture<'a, Result<Option<User>, Rejection>> {
        Box::pin(ready(Ok(user(request))))
    }
}

fn user(request: &RequestData) -> Option<User> {
    let bearer = || {
        request
            .header("authorization")?
            .strip_prefix("Bearer ")
            .map(Into::into)
    };
    let name = request
        .query("user")
        .or_else(bearer)
        .or_else(|| request.query("access_token"))
        .filter(|name| !name.is_empty())?;
    let lifetime = request.query("expires").and_then(|text| text.parse().ok());
    Some(User {
        expires_at: lifetime.map(|ms| SystemTime::now() + Duration::from_millis(ms)),
        ..User::new(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(query: &str, headers: &[(&str, &str)]) -> Option<String> {
        let request = RequestData::new("/conformance", query, headers.iter().copied(), None);
        user(&request).map(|user| user.id)
    }

    #[test]
    fn the_query_goes_before_the_token() {
        let bearer = [("authorization", "Bearer bob")];
        assert_eq!(
            named("user=ann&access_token=x", &bearer).as_deref(),
            Some("ann")
        );
        assert_eq!(named("access_token=x", &bearer).as_deref(), Some("bob"));
        assert_eq!(named("access_token=x", &[]).as_deref(), Some("x"));
        assert_eq!(named("user=", &[]), None);
        assert_eq!(named("", &[]), None);
    }
}
