//! Who a request comes from and what it may do: bearer tokens, API keys, roles.
//!
//! The SignalR server asks through its `Authenticator` trait, HTTP routes through
//! [`Authentication::http_user`]. Roles arrive expanded (see [`roles`]), so a check is one
//! comparison.

mod access_keys;
mod api_keys;
mod authenticator;
mod fleet_limits;
mod jwks;
mod jwt;
mod key_set;
mod limits;
mod new_token;
pub mod roles;

use actix_web::HttpRequest;

use self::api_keys::ApiKeys;
pub use self::{
    access_keys::AccessKeys,
    api_keys::hash as hash_api_key,
    jwt::{TokenError, TokenVerifier},
    limits::Limits,
    new_token::{TokenRequest, make_token},
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
    limits: Limits,
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
            limits: Limits::default(),
        })
    }

    /// Counts HTTP requests of users together with whatever else these limits count.
    pub fn limited_by(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether tokens are demanded and none can be accepted, so that every call answers 401.
    pub fn lacks_key(&self) -> bool {
        self.mode == AuthenticationMode::Jwt && !self.tokens.has_key()
    }

    /// Whether everyone may do everything.
    pub fn is_open(&self) -> bool {
        self.mode == AuthenticationMode::None
    }

    /// Keeps the keys of `JwksUrl` fresh, for ever where there is one.
    pub async fn fetch_keys(&self) {
        if let Err(error) = self.tokens.fetch_keys().await {
            tracing::error!("Authentication:Jwt:JwksUrl cannot be used: {error}");
        }
    }

    /// Who bears a token, in any mode.
    pub async fn verify(&self, token: &str) -> Result<User, TokenError> {
        self.tokens.verify(token).await
    }

    /// Who a hub's client is.
    pub async fn user(&self, credentials: Credentials<'_>) -> Result<User, TokenError> {
        match self.mode {
            AuthenticationMode::None => anyone(credentials.user),
            AuthenticationMode::Jwt => {
                let token = credentials.token().ok_or(TokenError::Missing)?;
                self.verify(token).await
            }
        }
    }

    /// Whose API key a request carries, if it carries one.
    pub fn api_key_user(&self, request: &HttpRequest) -> Option<Result<User, Problem>> {
        let key = request.headers().get("x-api-key")?;
        let user = key.to_str().ok().and_then(|key| self.api_keys.verify(key));
        Some(user.ok_or_else(|| Problem::new(Code::Unauthorized, "the API key is not known")))
    }

    /// Who sends an HTTP request: the holder of an API key, else as [`Authentication::user`].
    pub async fn http_user(&self, request: &HttpRequest) -> Result<User, Problem> {
        if let Some(user) = self.api_key_user(request) {
            return user;
        }
        let query = Query::of(request);
        self.user(query.credentials(request))
            .await
            .map_err(|error| Problem::new(Code::Unauthorized, error.to_string()))
    }

    /// Counts a request of a user, or of whoever else was identified.
    pub fn count_call(&self, user: &str) -> Result<(), Problem> {
        self.limits.count_call(user)
    }

    /// Lets an HTTP request in if its sender holds the role and has not called too often.
    pub async fn require(&self, request: &HttpRequest, role: &str) -> Result<User, Problem> {
        let user = self.http_user(request).await?;
        self.count_call(&user.id)?;
        if user.has_role(role) {
            return Ok(user);
        }
        Err(Problem::forbidden(format!("the role {role} is needed")))
    }
}

/// The bearer token of an HTTP request, from its header or its query.
pub fn bearer_token(request: &HttpRequest) -> Option<String> {
    let query = Query::of(request);
    query.credentials(request).token().map(str::to_owned)
}

/// What the query of an HTTP request says of its sender.
#[derive(Default)]
struct Query {
    access_token: Option<String>,
    user: Option<String>,
}

impl Query {
    fn of(request: &HttpRequest) -> Self {
        let mut found = Self::default();
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            if name.eq_ignore_ascii_case("access_token") {
                found.access_token.get_or_insert(value.into_owned());
            } else if name.eq_ignore_ascii_case("user") {
                found.user.get_or_insert(value.into_owned());
            }
        }
        found
    }

    fn credentials<'a>(&'a self, request: &'a HttpRequest) -> Credentials<'a> {
        let authorization = request.headers().get("authorization");
        Credentials {
            authorization: authorization.and_then(|value| value.to_str().ok()),
            access_token: self.access_token.as_deref(),
            user: self.user.as_deref(),
        }
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
