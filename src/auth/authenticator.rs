//! How the SignalR server asks who a client is.

use futures_util::future::{LocalBoxFuture, ready};

use super::{Authentication, Credentials};
use crate::signalr::{
    connection::{RequestData, User},
    transport::{Authenticator, Rejection},
};

impl Authenticator for Authentication {
    fn authenticate<'a>(
        &'a self,
        request: &'a RequestData,
    ) -> LocalBoxFuture<'a, Result<Option<User>, Rejection>> {
        let access_token = request.query("access_token");
        let user = request.query("user");
        let answer = self.user(Credentials {
            authorization: request.header("authorization"),
            access_token: access_token.as_deref(),
            user: user.as_deref(),
        });
        let answer = answer.map(Some).map_err(|error| Rejection {
            status: 401,
            reason: error.to_string(),
        });
        Box::pin(ready(answer))
    }
}
