//! Who may send to clients.

use std::sync::Arc;

use actix_web::HttpRequest;

use crate::{
    auth::{AccessKeys, Authentication, TokenError, bearer_token, roles},
    problem::{Code, Problem},
    signalr::connection::User,
};

/// Lets in the bearer of a token of an access key, and admins. Where everyone may do everything no
/// token is needed, but one that is there must be valid.
pub struct SendAccess {
    pub keys: AccessKeys,
    pub authentication: Arc<Authentication>,
}

impl SendAccess {
    pub async fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let sender = self.sender(request).await?;
        self.authentication.count_call(&sender)
    }

    /// Under whose name the request is counted.
    async fn sender(&self, request: &HttpRequest) -> Result<String, Problem> {
        let unauthorized = |error: TokenError| Problem::new(Code::Unauthorized, error.to_string());
        if let Some(user) = self.authentication.api_key_user(request) {
            return admin(user?);
        }
        let Some(token) = bearer_token(request) else {
            let is_open = self.authentication.is_open();
            let anybody = is_open.then(String::new);
            return anybody.ok_or(unauthorized(TokenError::Missing));
        };
        let by_key = self.keys.verify(&token, request.uri().path());
        let Err(refused) = by_key else {
            return Ok(BY_ACCESS_KEY.to_owned());
        };
        match self.authentication.verify(&token).await {
            Ok(user) => admin(user),
            Err(_) if !self.keys.is_empty() => Err(unauthorized(refused)),
            Err(error) => Err(unauthorized(error)),
        }
    }
}

/// The name that requests with an access key are counted under; no user can have it.
const BY_ACCESS_KEY: &str = "\0access key";

fn admin(user: User) -> Result<String, Problem> {
    if user.has_role(roles::ADMIN) {
        return Ok(user.id);
    }
    let message = "sending needs a token of an access key, or the role admin";
    Err(Problem::forbidden(message))
}
