//! What can go wrong with a provider, in sentences a user may read.
//!
//! Nothing an upstream wrote is repeated: it could hold a key. What it said decides the code.

use std::time::Duration;

use serde_json::Value;

use crate::chat::{FinishReason, RunError};
use crate::problem::Code;

/// Why a provider did not answer, or stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    pub message: &'static str,
    /// What may be tried when no token was shown yet.
    pub retry: Retry,
    /// When the provider wants to be asked again.
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request may succeed.
    Again,
    /// Not here; perhaps at another provider.
    Elsewhere,
    /// Nowhere.
    Never,
    /// Here, if the request asks for less: the provider does not know tools or usage.
    Plainer,
}

impl Failure {
    pub fn new(code: Code, message: &'static str, retry: Retry) -> Self {
        Self {
            code,
            message,
            retry,
            retry_after: None,
        }
    }

    pub fn unreachable() -> Self {
        let message = "The model provider cannot be reached.";
        Self::new(Code::UpstreamUnavailable, message, Retry::Again)
    }

    pub fn invalid(message: &'static str) -> Self {
        Self::new(Code::UpstreamInvalid, message, Retry::Again)
    }

    pub fn stalled(message: &'static str) -> Self {
        Self::new(Code::Stalled, message, Retry::Elsewhere)
    }

    /// An answer that is not a success.
    pub fn from_status(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let said = Said::parse(body);
        let failure = match status {
            401..=403 => said.refused(),
            408 => Self::unreachable(),
            413 => Self::too_long(),
            429 if said.any(&["insufficient_quota", "billing"]) => said.refused(),
            429 => Self::rate_limited(),
            400..=499 if said.is_too_long() => Self::too_long(),
            400 | 404 | 405 | 415 | 422 if said.any(&["stream_options", "tool", "function"]) => {
                Self {
                    retry: Retry::Plainer,
                    ..said.refused()
                }
            }
            400..=499 => said.refused(),
            500..=599 => Self {
                message: "The model provider has a problem of its own.",
                ..Self::unreachable()
            },
            _ => Self {
                retry: Retry::Elsewhere,
                ..Self::invalid("The model provider answered with something unexpected.")
            },
        };
        Self {
            retry_after,
            ..failure
        }
    }

    /// An error in the middle of a stream.
    pub fn from_stream(error: &Value) -> Self {
        let body = error.to_string();
        let status = ["code", "status"]
            .iter()
            .find_map(|name| error.get(name)?.as_u64())
            .and_then(|status| u16::try_from(status).ok())
            .filter(|status| (400..600).contains(status));
        match status {
            Some(status) => Self::from_status(status, None, body.as_bytes()),
            None if Said::parse(body.as_bytes()).is_too_long() => Self::too_long(),
            None if Said::parse(body.as_bytes()).any(&["rate_limit", "rate limit"]) => {
                Self::rate_limited()
            }
            None => Self {
                message: "The model provider ended the answer with an error.",
                ..Self::unreachable()
            },
        }
    }

    fn rate_limited() -> Self {
        let message = "The model provider limits the rate of requests.";
        Self::new(Code::UpstreamRateLimited, message, Retry::Again)
    }

    fn too_long() -> Self {
        let message = "The conversation is too long for this model.";
        Self::new(Code::ContextTooLong, message, Retry::Never)
    }

    /// Whether the user may press the button again.
    pub fn is_retryable(&self) -> bool {
        !matches!(self.code, Code::UpstreamRefused | Code::ContextTooLong)
    }

    pub fn finish_reason(&self) -> FinishReason {
        match self.code {
            Code::Stalled => FinishReason::Stalled,
            Code::Interrupted => FinishReason::Interrupted,
            _ => FinishReason::Error,
        }
    }

    pub fn to_error(&self) -> RunError {
        RunError {
            code: self.code,
            message: self.message.to_owned(),
            retryable: self.is_retryable(),
            retry_after_ms: self
                .retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// What an upstream's error body says, for looking words up in.
struct Said(String);

impl Said {
    fn parse(body: &[u8]) -> Self {
        Self(String::from_utf8_lossy(body).to_lowercase())
    }

    fn any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.contains(word))
    }

    fn is_too_long(&self) -> bool {
        self.any(&[
            "context_length",
            "context length",
            "context window",
            "maximum context",
            "prompt is too long",
            "too many tokens",
        ])
    }

    fn refused(&self) -> Failure {
        let message = if self.any(&["quota", "billing", "credit"]) {
            "The model provider refused the request: its quota is used up."
        } else if self.any(&["api key", "api_key", "unauthorized", "authentication"]) {
            "The model provider refused the server's credentials."
        } else {
            "The model provider refused the request."
        };
        Failure::new(Code::UpstreamRefused, message, Retry::Elsewhere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_and_what_was_said_decide_the_code() {
        for (status, body, code, retry) in [
            (429, "{}", Code::UpstreamRateLimited, Retry::Again),
            (
                429,
                r#"{"error":{"code":"insufficient_quota"}}"#,
                Code::UpstreamRefused,
                Retry::Elsewhere,
            ),
            (
                401,
                "key sk-secret",
                Code::UpstreamRefused,
                Retry::Elsewhere,
            ),
            (
                400,
                r#"{"error":{"code":"context_length_exceeded"}}"#,
                Code::ContextTooLong,
                Retry::Never,
            ),
            (
                404,
                "No endpoints found that support tool use",
                Code::UpstreamRefused,
                Retry::Plainer,
            ),
            (
                400,
                "unknown model",
                Code::UpstreamRefused,
                Retry::Elsewhere,
            ),
            (500, "", Code::UpstreamUnavailable, Retry::Again),
            (503, "<html>", Code::UpstreamUnavailable, Retry::Again),
            (302, "", Code::UpstreamInvalid, Retry::Elsewhere),
        ] {
            let failure = Failure::from_status(status, None, body.as_bytes());
            assert_eq!(
                (failure.code, failure.retry),
                (code, retry),
                "{status} {body}"
            );
            assert!(!failure.message.contains("sk-"));
        }
    }
}
