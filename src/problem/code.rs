//! The codes, and what HTTP says with each.

use std::fmt;

use serde::Serialize;

/// A stable, machine-readable reason. Clients switch on it, so a code is never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string", rename = "ErrorCode"))]
pub enum Code {
    InvalidRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RunActive,
    NotRegistered,
    IdempotencyConflict,
    TooLarge,
    UnsupportedMediaType,
    RateLimited,
    StoreUnavailable,
    UpstreamRateLimited,
    UpstreamUnavailable,
    UpstreamRefused,
    UpstreamInvalid,
    ContextTooLong,
    Stalled,
    Interrupted,
}

impl Code {
    const ALL: [Self; 19] = [
        Self::InvalidRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RunActive,
        Self::NotRegistered,
        Self::IdempotencyConflict,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::StoreUnavailable,
        Self::UpstreamRateLimited,
        Self::UpstreamUnavailable,
        Self::UpstreamRefused,
        Self::UpstreamInvalid,
        Self::ContextTooLong,
        Self::Stalled,
        Self::Interrupted,
    ];

    /// The code as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RunActive => "run_active",
            Self::NotRegistered => "not_registered",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RateLimited => "rate_limited",
            Self::StoreUnavailable => "store_unavailable",
            Self::UpstreamRateLimited => "upstream_rate_limited",
            Self::UpstreamUnavailable => "upstream_unavailable",
            Self::UpstreamRefused => "upstream_refused",
            Self::UpstreamInvalid => "upstream_invalid",
            Self::ContextTooLong => "context_too_long",
            Self::Stalled => "stalled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The HTTP status that goes with the code. The upstream codes are a gateway's: 502 to 504.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::ContextTooLong => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RunActive | Self::NotRegistered | Self::IdempotencyConflict => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited => 429,
            Self::UpstreamRefused | Self::UpstreamInvalid => 502,
            Self::StoreUnavailable
            | Self::UpstreamRateLimited
            | Self::UpstreamUnavailable
            | Self::Interrupted => 503,
            Self::Stalled => 504,
        }
    }

    /// A short human-readable summary that does not change from case to case (RFC 9457 `title`).
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not valid",
            Self::Unauthorized => "Authentication is required",
            Self::Forbidden => "This user may not do that",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::RunActive => "The conversation has an active run",
            Self::NotRegistered => "The worker is not registered",
            Self::IdempotencyConflict => "The idempotency key was used with another content",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The media type is not supported",
            Self::RateLimited => "Too many requests",
            Self::StoreUnavailable => "The store does not answer",
            Self::UpstreamRateLimited => "The model provider limits the rate",
            Self::UpstreamUnavailable => "The model provider does not answer",
            Self::UpstreamRefused => "The model provider refused the request",
            Self::UpstreamInvalid => "The model provider's answer is not valid",
            Self::ContextTooLong => "The conversation is too long for the model",
            Self::Stalled => "The answer stalled",
            Self::Interrupted => "The answer was interrupted",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let found = Self::ALL.into_iter().find(|code| code.as_str() == text);
        found.ok_or_else(|| serde::de::Error::custom(format!("there is no code {text}")))
    }
}
