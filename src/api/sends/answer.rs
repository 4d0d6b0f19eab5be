//! Answers as Azure SignalR gives them: its bodies, and its codes in `x-ms-error-code`, which its
//! client library looks at.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::{
    problem::{Code, Problem},
    signalr::lifetime::GroupError,
};

/// The body of what was carried out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceResponse {
    status_code: u16,
    level: &'static str,
    scope: &'static str,
    is_success: bool,
}

/// A message is on its way.
#[derive(IntoResponses)]
#[response(
    status = 202,
    description = "The message is on its way to whoever is there"
)]
pub struct Accepted(#[allow(dead_code)] ServiceResponse);

/// Something was changed.
#[derive(IntoResponses)]
#[response(status = 200, description = "It is so now")]
pub struct Done(#[allow(dead_code)] ServiceResponse);

pub fn accepted() -> HttpResponse {
    service_response(StatusCode::ACCEPTED)
}

pub fn done() -> HttpResponse {
    service_response(StatusCode::OK)
}

fn service_response(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status).json(ServiceResponse {
        status_code: status.as_u16(),
        level: "Info",
        scope: "Request",
        is_success: true,
    })
}

/// An error with Azure's code beside ours.
#[derive(Debug)]
pub struct Refusal {
    problem: Problem,
    code: &'static str,
}

impl Refusal {
    pub fn no_connection(code: &'static str) -> Self {
        let problem = Problem::not_found("there is no such connection");
        Self { problem, code }
    }

    pub fn no_group() -> Self {
        let problem = Problem::not_found("nobody is in this group");
        let code = "Warning.Group.NotExisted";
        Self { problem, code }
    }

    pub fn no_user() -> Self {
        let problem = Problem::not_found("this user has no connection");
        let code = "Warning.User.NotExisted";
        Self { problem, code }
    }

    pub fn not_in_group() -> Self {
        let problem = Problem::not_found("this user is not in the group");
        let code = "Info.User.NotInGroup";
        Self { problem, code }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let code = problem.code.as_str();
        Self { problem, code }
    }
}

impl From<GroupError> for Refusal {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::NotFound(_) => Self::no_connection("Error.Connection.NotExisted"),
            error => Problem::new(Code::StoreUnavailable, error.to_string()).into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(formatter)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.problem.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.problem.error_response();
        response.headers_mut().insert(
            HeaderName::from_static("x-ms-error-code"),
            HeaderValue::from_static(self.code),
        );
        response
    }
}
