//! What can go wrong, as clients read it: one set of codes for hub calls and HTTP answers.
//!
//! A failed hub call carries the JSON object of [`Problem::to_json`] behind `HubException: `;
//! an HTTP route answers the same code as `application/problem+json` (RFC 9457).

mod code;

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::code::Code;
use crate::signalr::hub::HubError;

/// The media type of an HTTP error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Members that a detail cannot have.
const RESERVED: [&str; 6] = ["type", "title", "status", "detail", "code", "message"];

/// An error as HTTP answers it (RFC 9457), with members beside these where they help.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: Code,
    message: &'a str,
    #[serde(flatten)]
    #[schema(ignore)]
    details: &'a Map<String, Value>,
}

/// An error a client may read: a code, a sentence, and whatever else helps it to go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Problem {
    pub code: Code,
    pub message: String,
    pub details: Map<String, Value>,
}

impl Problem {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Map::new(),
        }
    }

    /// The most frequent one: the caller sent something that cannot be used.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// Adds a member beside `code` and `message`, for instance `runId`. What the formats themselves
    /// say is never overwritten.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if !RESERVED.contains(&name) {
            self.details.insert(name.to_owned(), value.into());
        }
        self
    }

    /// `{"code","message",...details}`: what a hub call's error text carries.
    pub fn to_json(&self) -> String {
        let mut object = Map::new();
        object.insert("code".to_owned(), self.code.as_str().into());
        object.insert("message".to_owned(), self.message.clone().into());
        object.extend(self.details.clone());
        Value::Object(object).to_string()
    }

    /// The body of an HTTP answer, to be sent as [`PROBLEM_JSON`].
    pub fn to_problem_json(&self) -> String {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.message,
            code: self.code,
            message: &self.message,
            details: &self.details,
        };
        serde_json::to_string(&body)
            .unwrap_or_else(|error| unreachable!("texts and numbers serialise: {error}"))
    }

    /// Whole seconds, as the header wants them; a rate limit always says some.
    fn retry_after_seconds(&self) -> Option<u64> {
        let told = self.details.get("retryAfterMs").and_then(Value::as_u64);
        let least = (self.code == Code::RateLimited).then_some(1);
        told.map(|milliseconds| milliseconds.div_ceil(1000))
            .max(least)
    }
}

impl From<Problem> for HubError {
    fn from(problem: Problem) -> Self {
        Self::new(problem.to_json())
    }
}

impl actix_web::ResponseError for Problem {
    fn status_code(&self) -> actix_web::http::StatusCode {
        actix_web::http::StatusCode::from_u16(self.code.status())
            .unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> actix_web::HttpResponse {
        let mut answer = actix_web::HttpResponse::build(self.status_code());
        answer.insert_header(("Cache-Control", "no-store"));
        if let Some(seconds) = self.retry_after_seconds() {
            answer.insert_header(("Retry-After", seconds.to_string()));
        }
        answer
            .content_type(PROBLEM_JSON)
            .body(self.to_problem_json())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use super::*;

    #[test]
    fn a_hub_error_is_one_object_with_the_code_first_and_the_details_beside_it() {
        let problem = Problem::new(Code::RunActive, "a run is active").with("runId", "r1");
        let value: Value = serde_json::from_str(&problem.to_json()).expect("is JSON");
        assert_eq!(
            value,
            serde_json::json!({"code": "run_active", "message": "a run is active", "runId": "r1"})
        );
    }

    #[test]
    fn a_detail_cannot_replace_the_code() {
        let problem = Problem::invalid("no").with("code", "forbidden");
        let value: Value = serde_json::from_str(&problem.to_json()).expect("is JSON");
        assert_eq!(value["code"], "invalid_request");
    }

    #[test]
    fn an_http_answer_has_the_status_the_type_and_the_same_code() {
        let problem = Problem::new(Code::RateLimited, "slow down").with("retryAfterMs", 1500);
        let answer = problem.error_response();
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers().get("content-type").unwrap(), PROBLEM_JSON);
        assert_eq!(answer.headers().get("retry-after").unwrap(), "2");
        let value: Value = serde_json::from_str(&problem.to_problem_json()).expect("is JSON");
        assert_eq!(value["status"], 429);
        assert_eq!(value["code"], "rate_limited");
        assert_eq!(value["detail"], "slow down");
    }
}
