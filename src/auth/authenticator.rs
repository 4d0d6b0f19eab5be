//! How the SignalR server asks who a client is.

use futures_util::future::LocalBoxFuture;

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
        Box::pin(async {
            let access_token = request.query("access_token");
            let user = request.query("user");
            let user = self.user(Credentials {
                authorization: request.header("authorization"),
                access_token: access_token.as_deref(),
                user: user.as_deref(),
            });
            user.await.map(Some).map_err(|error| Rejection {
                status: 401,
                reason: error.to_string(),
            })
        })
    }
}
