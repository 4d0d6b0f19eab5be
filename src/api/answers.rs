//! The refusals of the HTTP API as the OpenAPI document lists them.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Header, RefOr, Response, ResponseBuilder, schema::Type},
};

use crate::problem::{Code, PROBLEM_JSON};

type Responses = BTreeMap<String, RefOr<Response>>;

/// How an operation that looks something up is refused.
pub struct NotRead;

/// How an operation that takes a body is refused.
pub struct NotTaken;

/// How a report is refused.
pub struct NotReported;

impl IntoResponses for NotRead {
    fn responses() -> Responses {
        refusals(&[
            Code::InvalidRequest,
            Code::Unauthorized,
            Code::Forbidden,
            Code::NotFound,
            Code::RateLimited,
            Code::StoreUnavailable,
        ])
    }
}

impl IntoResponses for NotTaken {
    fn responses() -> Responses {
        let mut responses = refusals(&[Code::TooLarge, Code::UnsupportedMediaType]);
        responses.extend(NotRead::responses());
        responses
    }
}

impl IntoResponses for NotReported {
    fn responses() -> Responses {
        let mut responses = refusals(&[Code::IdempotencyConflict]);
        responses.extend(NotTaken::responses());
        responses
    }
}

fn refusals(codes: &[Code]) -> Responses {
    let refusals = codes.iter().map(|code| {
        let reference = utoipa::openapi::Ref::from_schema_name("Problem");
        let mut response = ResponseBuilder::new()
            .description(format!("`{code}`: {}", code.title()))
            .content(PROBLEM_JSON, Content::new(Some(reference)));
        if *code == Code::RateLimited {
            let seconds = utoipa::openapi::Object::with_type(Type::Integer);
            let mut header = Header::new(seconds);
            header.description = Some("Seconds to wait before the next try".to_owned());
            response = response.header("Retry-After", header);
        }
        (code.status().to_string(), response.build().into())
    });
    refusals.collect()
}
