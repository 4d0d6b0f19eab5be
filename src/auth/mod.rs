//! Who a request comes from and what it may do: bearer tokens, API keys, roles.
//!
//! The SignalR server asks through its `Authenticator` trait, HTTP routes through
//! [`Authentication::http_user`]. Roles arrive expanded (see [`roles`]), so a check is one
//! comparison.

mod api_keys;
mod authenticator;
mod jwt;
pub mod roles;

use actix_web::HttpRequest;

use self::api_keys::ApiKeys;
pub use self::{
    api_keys::hash as hash_api_key,
    jwt::{TokenError, TokenRequest, TokenVerifier, make_token},
};
use crate::{
    problem::{Code, Problem},
    settings::{AuthenticationMode, AuthenticationSettings},
    signalr::connection::User,
};

/// The user of everyone without a name, in mode `None`.
const ANONYMOUS: &str = "anonymous";

/// Decides who is let in.
pub struct Authentication {
    mode: AuthenticationMode,
    tokens: TokenVerifier,
    api_keys: ApiKeys,
}

/// What a request shows of its sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The query's `access_token`: browsers cannot set a header on a WebSocket.
    pub access_token: Option<&'a str>,
    /// The query's `user`, believed in mode `None` only.
    pub user: Option<&'a str>,
}

impl Authentication {
    pub fn new(settings: &AuthenticationSettings) -> Result<Self, String> {
        Ok(Self {
            mode: settings.mode,
            tokens: TokenVerifier::new(&settings.jwt)?,
            api_keys: ApiKeys::new(&settings.api_keys),
        })
    }

    /// Whether tokens are demanded and none can be accepted, so that every call answers 401.
    pub fn lacks_key(&self) -> bool {
        self.mode == AuthenticationMode::Jwt && !self.tokens.has_key()
    }

    /// Who a hub's client is.
    pub fn user(&self, credentials: Credentials<'_>) -> Result<User, TokenError> {
        match self.mode {
            AuthenticationMode::None => anyone(credentials.user),
            AuthenticationMode::Jwt => {
                let token = credentials.token().ok_or(TokenError::Missing)?;
                self.tokens.verify(token)
            }
        }
    }

    /// Who sends an HTTP request: the holder of an API key, else as [`Authentication::user`].
    pub fn http_user(&self, request: &HttpRequest) -> Result<User, Problem> {
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        if let Some(key) = header("x-api-key") {
            return self
                .api_keys
                .verify(key)
                .ok_or_else(|| Problem::new(Code::Unauthorized, "the API key is not known"));
        }
        let query = form_urlencoded::parse(request.query_string().as_bytes());
        let mut access_token = None;
        let mut user = None;
        for (name, value) in query {
            if name.eq_ignore_ascii_case("access_token") {
                access_token.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("user") {
                user.get_or_insert(value);
            }
        }
        let credentials = Credentials {
            authorization: header("authorization"),
            access_token: access_token.as_deref(),
            user: user.as_deref(),
        };
        self.user(credentials)
            .map_err(|error| Problem::new(Code::Unauthorized, error.to_string()))
    }
}

impl<'a> Credentials<'a> {
    /// The header comes first; the query is only asked without one.
    fn token(&self) -> Option<&'a str> {
        let Some(authorization) = self.authorization else {
            return self.access_token.filter(|token| !token.is_empty());
        };
        let (scheme, token) = authorization.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// Without authentication everyone is who they say and may do everything.
fn anyone(user: Option<&str>) -> Result<User, TokenError> {
    let id = user.filter(|user| !user.is_empty()).unwrap_or(ANONYMOUS);
    if !jwt::is_valid_id(id) {
        return Err(TokenError::Subject);
    }
    Ok(User {
        roles: roles::all(),
        ..User::new(id)
    })
}

#[cfg(test)]
mod tests;
