//! JSON Web Tokens: which key verifies which algorithm, and what a token must say.
//!
//! The algorithm never comes from the token alone: each key is bound to the algorithms it is
//! for, so a public key cannot be used as an HMAC secret and `none` has no key at all.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;

use super::{jwks::Jwks, key_set, roles};
use crate::{settings::JwtSettings, signalr::connection::User};

/// Longer tokens are refused unread.
pub(super) const MOST_BYTES: usize = 16 * 1024;

/// What a token says, as far as we ask.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    roles: Roles,
}

/// Identity providers write one role as a plain text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Roles {
    Several(Vec<String>),
    One(String),
}

impl Default for Roles {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

/// Why a token was refused; the text may be told to its bearer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("a bearer token is needed")]
    Missing,
    #[error("the server has no key to verify tokens with")]
    NoKey,
    #[error("the token is malformed")]
    Malformed,
    #[error("the keys to verify tokens with were not fetched yet")]
    NotFetched,
    #[error("the token's key is not known")]
    UnknownKey,
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    #[error("the token's signature is not valid")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token is from another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token lacks the claim {0}")]
    Lacks(String),
    #[error("the token's claim sub is no valid id")]
    Subject,
}

/// Verifies tokens with the keys of the settings.
pub struct TokenVerifier {
    keys: Keys,
    settings: JwtSettings,
}

/// The keys by algorithm.
#[derive(Default)]
struct Keys {
    hmac: Option<DecodingKey>,
    rsa: Option<DecodingKey>,
    elliptic: Option<DecodingKey>,
    /// Those that are fetched by address.
    fetched: Option<Arc<Jwks>>,
}

impl Keys {
    /// What may verify a token with this header; there may be several.
    async fn find(&self, header: &Header) -> Result<Vec<DecodingKey>, TokenError> {
        let configured = match header.alg {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                return self
                    .hmac
                    .clone()
                    .map(|key| vec![key])
                    .ok_or(TokenError::Algorithm);
            }
            Algorithm::RS256 => &self.rsa,
            Algorithm::ES256 => &self.elliptic,
            _ => return Err(TokenError::Algorithm),
        };
        let mut keys: Vec<_> = configured.iter().cloned().collect();
        if let Some(fetched) = &self.fetched {
            keys.extend(fetched.find(header.alg, header.kid.as_deref()).await);
        }
        match &self.fetched {
            _ if !keys.is_empty() => Ok(keys),
            None => Err(TokenError::Algorithm),
            Some(fetched) if fetched.is_empty() => Err(TokenError::NotFetched),
            Some(_) => Err(TokenError::UnknownKey),
        }
    }

    fn is_empty(&self) -> bool {
        self.hmac.is_none()
            && self.rsa.is_none()
            && self.elliptic.is_none()
            && self.fetched.is_none()
    }
}

impl TokenVerifier {
    /// Fails when the public key is no RSA or P-256 key in PEM form.
    pub fn new(settings: &JwtSettings) -> Result<Self, String> {
        let mut keys = Keys::default();
        if let Some(secret) = &settings.secret {
            keys.hmac = Some(DecodingKey::from_secret(secret.expose().as_bytes()));
        }
        if let Some(pem) = &settings.public_key_pem {
            let pem = pem.as_bytes();
            keys.rsa = DecodingKey::from_rsa_pem(pem).ok();
            keys.elliptic = DecodingKey::from_ec_pem(pem).ok();
            if keys.rsa.is_none() && keys.elliptic.is_none() {
                return Err("Authentication:Jwt:PublicKeyPem is no RSA or P-256 public key".into());
            }
        }
        keys.fetched = settings.jwks_url.as_ref().map(|_| Arc::default());
        let settings = settings.clone();
        Ok(Self { keys, settings })
    }

    /// Whether any token can be accepted.
    pub fn has_key(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Keeps the keys of `JwksUrl` fresh; ends at once where there is none. Until it runs, no token
    /// that needs them is accepted.
    pub async fn fetch_keys(&self) -> Result<(), String> {
        let (Some(keys), Some(url)) = (&self.keys.fetched, &self.settings.jwks_url) else {
            return Ok(());
        };
        let client = key_set::client().map_err(|error| error.to_string())?;
        keys.run(async || key_set::fetch(&client, url).await).await;
        Ok(())
    }

    /// Fetches the keys of `JwksUrl` once.
    pub async fn fetch_keys_once(&self) -> Result<(), String> {
        if let (Some(keys), Some(url)) = (&self.keys.fetched, &self.settings.jwks_url) {
            let client = key_set::client().map_err(|error| error.to_string())?;
            let fetched = key_set::fetch(&client, url).await;
            keys.replace(fetched.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// Who bears the token. Waits a few seconds at most, where a key has to be fetched.
    pub async fn verify(&self, token: &str) -> Result<User, TokenError> {
        if self.keys.is_empty() {
            return Err(TokenError::NoKey);
        }
        if token.len() > MOST_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = decode_header(token).map_err(translate)?;
        // An extension that must be understood and is not: RFC 7515, section 4.1.11.
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let validation = self.validation(header.alg);
        let mut outcome = Err(TokenError::UnknownKey);
        for key in self.keys.find(&header).await? {
            outcome = decode::<Claims>(token, &key, &validation).map_err(translate);
            if !matches!(outcome, Err(TokenError::Signature)) {
                break;
            }
        }
        to_user(outcome?.claims)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.settings.clock_skew.as_secs();
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = &self.settings.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        match &self.settings.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

fn to_user(claims: Claims) -> Result<User, TokenError> {
    if !is_valid_id(&claims.sub) {
        return Err(TokenError::Subject);
    }
    let told = match claims.roles {
        Roles::Several(roles) => roles,
        Roles::One(role) => role.split_whitespace().map(str::to_owned).collect(),
    };
    // A time too far away to be represented is no end at all.
    let expires_at = Duration::try_from_secs_f64(claims.exp)
        .ok()
        .and_then(|since_epoch| SystemTime::UNIX_EPOCH.checked_add(since_epoch));
    Ok(User {
        id: claims.sub,
        roles: roles::expand(told),
        expires_at,
    })
}

/// Ids are texts of 1 to 128 characters without control characters.
pub(super) fn is_valid_id(id: &str) -> bool {
    (1..=128).contains(&id.chars().count()) && !id.chars().any(char::is_control)
}

pub(super) fn translate(error: jsonwebtoken::errors::Error) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::NotYet,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenError::Algorithm,
        ErrorKind::MissingRequiredClaim(claim) => TokenError::Lacks(claim.clone()),
        _ => TokenError::Malformed,
    }
}
