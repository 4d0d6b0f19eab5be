//! What routes read of a request: its query, and its body within limits.

use std::time::Duration;

use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};

/// The largest body that is read.
pub const MAXIMUM_BODY: usize = 1024 * 1024;
/// How long a body may take to come.
const BODY_LIMIT: Duration = Duration::from_secs(30);

/// Reads the query as `T`.
pub fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let query = web::Query::<T>::from_query(request.query_string());
    let read = query.map_err(|error| Problem::invalid(format!("the query: {error}")));
    read.map(web::Query::into_inner)
}

/// All values of one parameter of the query.
pub fn query_values(request: &HttpRequest, name: &str) -> Vec<String> {
    form_urlencoded::parse(request.query_string().as_bytes())
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

/// Reads a body that must be JSON of at most [`MAXIMUM_BODY`] bytes.
pub async fn json_body(request: &HttpRequest, body: web::Payload) -> Result<Bytes, Problem> {
    require_json(request)?;
    if content_length(request).is_some_and(|length| length > MAXIMUM_BODY) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_LIMIT, collect(body)).await {
        Ok(body) => body,
        Err(_) => Err(Problem::invalid("the body did not come in time")),
    }
}

fn require_json(request: &HttpRequest) -> Result<(), Problem> {
    let media_type = request.headers().get("content-type");
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next());
    if essence.is_some_and(|text| text.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let message = "the body must be sent as application/json";
    Err(Problem::new(Code::UnsupportedMediaType, message))
}

fn content_length(request: &HttpRequest) -> Option<usize> {
    let length = request.headers().get("content-length")?;
    length.to_str().ok()?.parse().ok()
}

async fn collect(mut body: web::Payload) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Problem::invalid("the body did not come whole"))?;
        if whole.len() + piece.len() > MAXIMUM_BODY {
            return Err(too_large());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

fn too_large() -> Problem {
    Problem::new(Code::TooLarge, "a body has at most 1 MiB")
}
