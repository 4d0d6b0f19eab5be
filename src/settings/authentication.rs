//! `Authentication:…`: who is let in and with what.

use std::time::Duration;

use super::{Environment, Secret, Section};

#[derive(Clone, Debug)]
pub struct AuthenticationSettings {
    pub mode: AuthenticationMode,
    pub jwt: JwtSettings,
    pub api_keys: Vec<ApiKeySettings>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationMode {
    /// Everyone is let in with all roles; only sensible on a developer's machine.
    None,
    /// A bearer token is needed.
    Jwt,
}

/// `Authentication:Jwt:…`
#[derive(Clone, Debug)]
pub struct JwtSettings {
    pub secret: Option<Secret>,
    pub public_key_pem: Option<String>,
    pub jwks_url: Option<String>,
    pub issuer: Option<String>,
    pub audience: Option<String>,
    pub clock_skew: Duration,
}

impl JwtSettings {
    /// Whether any token can be verified at all.
    pub fn has_key(&self) -> bool {
        self.secret.is_some() || self.public_key_pem.is_some() || self.jwks_url.is_some()
    }
}

/// `Authentication:ApiKeys:[i]`: a key for HTTP, known by its hash only.
#[derive(Clone, Debug)]
pub struct ApiKeySettings {
    pub name: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    pub roles: Vec<String>,
}

impl AuthenticationSettings {
    pub(super) fn read(root: &Section, environment: &Environment) -> Self {
        let section = root.section("Authentication");
        let default = if environment.is_development() {
            AuthenticationMode::None
        } else {
            AuthenticationMode::Jwt
        };
        Self {
            mode: section.parse("Mode", mode).unwrap_or(default),
            jwt: JwtSettings::read(&section.section("Jwt")),
            api_keys: section
                .sections("ApiKeys")
                .into_iter()
                .filter_map(|(index, key)| ApiKeySettings::read(&index, &key))
                .collect(),
        }
    }
}

fn mode(text: &str) -> Result<AuthenticationMode, String> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(AuthenticationMode::None),
        "jwt" => Ok(AuthenticationMode::Jwt),
        _ => Err("expected None or Jwt".to_owned()),
    }
}

impl JwtSettings {
    fn read(section: &Section) -> Self {
        Self {
            secret: section.secret("Secret"),
            // One line is easier to pass in a variable, so \n may stand for the line ends.
            public_key_pem: section
                .text("PublicKeyPem")
                .map(|pem| pem.replace("\\n", "\n")),
            jwks_url: section.parse("JwksUrl", http_url),
            issuer: section.text("Issuer"),
            audience: section.text("Audience"),
            clock_skew: section
                .number("ClockSkewSeconds", 0..=3600)
                .map_or(Duration::from_secs(30), Duration::from_secs),
        }
    }
}

fn http_url(text: &str) -> Result<String, String> {
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(text.to_owned())
    } else {
        Err("expected an http:// or https:// address".to_owned())
    }
}

impl ApiKeySettings {
    fn read(index: &str, section: &Section) -> Option<Self> {
        let hash = section.parse("Hash", hash);
        if hash.is_none() && section.source("Hash").is_none() {
            section.fault("Hash", "is missing; gen-token --api-key makes one");
        }
        Some(Self {
            name: section
                .text("Name")
                .unwrap_or_else(|| format!("key {index}")),
            roles: section.list("Roles").unwrap_or_default(),
            hash: hash?,
        })
    }
}

/// `sha256:` and 64 hexadecimal digits.
fn hash(text: &str) -> Result<[u8; 32], String> {
    let digits = text
        .strip_prefix("sha256:")
        .filter(|digits| digits.len() == 64);
    let decode = |digits: &str| {
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(hash)
    };
    digits
        .and_then(decode)
        .ok_or_else(|| "expected sha256: and 64 hexadecimal digits".to_owned())
}
