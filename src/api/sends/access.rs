//! Who may send to clients.

use std::sync::Arc;

use actix_web::HttpRequest;

use crate::{
    auth::{AccessKeys, Authentication, TokenError, bearer_token, roles},
    problem::{Code, Problem},
};

/// Lets in the bearer of a token of an access key, and admins. Where everyone may do everything no
/// token is needed, but one that is there must be valid.
pub struct SendAccess {
    pub keys: AccessKeys,
    pub authentication: Arc<Authentication>,
}

impl SendAccess {
    pub async fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let unauthorized = |error: TokenError| Problem::new(Code::Unauthorized, error.to_string());
        if let Some(user) = self.authentication.api_key_user(request) {
            return require_admin(user?.has_role(roles::ADMIN));
        }
        let Some(token) = bearer_token(request) else {
            let is_open = self.authentication.is_open();
            return is_open
                .then_some(())
                .ok_or(unauthorized(TokenError::Missing));
        };
        let by_key = self.keys.verify(&token, request.uri().path());
        let Err(refused) = by_key else { return Ok(()) };
        match self.authentication.verify(&token).await {
            Ok(user) => require_admin(user.has_role(roles::ADMIN)),
            Err(_) if !self.keys.is_empty() => Err(unauthorized(refused)),
            Err(error) => Err(unauthorized(error)),
        }
    }
}

fn require_admin(is_admin: bool) -> Result<(), Problem> {
    let message = "sending needs a token of an access key, or the role admin";
    is_admin.then_some(()).ok_or(Problem::forbidden(message))
}
