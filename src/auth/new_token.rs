//! Makes tokens, for `gen-token`: an identity provider does it for everybody else.

use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use super::jwt::is_valid_id;
use crate::settings::JwtSettings;

/// What `gen-token` is asked for.
#[derive(Debug)]
pub struct TokenRequest {
    pub subject: String,
    pub roles: Vec<String>,
    pub lifetime: Duration,
    pub algorithm: Algorithm,
}

#[derive(Serialize)]
struct NewClaims<'a> {
    sub: &'a str,
    roles: &'a [String],
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

/// Makes a token that [`TokenVerifier`](super::TokenVerifier) with the same settings accepts. Needs the secret.
pub fn make_token(settings: &JwtSettings, request: &TokenRequest) -> Result<String, String> {
    let secret = settings
        .secret
        .as_ref()
        .ok_or("Authentication:Jwt:Secret is not set, so no token can be signed")?;
    if !is_valid_id(&request.subject) {
        return Err("the user must have 1 to 128 characters".to_owned());
    }
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|error| error.to_string())?
        .as_secs();
    let claims = NewClaims {
        sub: &request.subject,
        roles: &request.roles,
        iat: now,
        exp: now.saturating_add(request.lifetime.as_secs()),
        iss: settings.issuer.as_deref(),
        aud: settings.audience.as_deref(),
    };
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    encode(&Header::new(request.algorithm), &claims, &key).map_err(|error| error.to_string())
}
