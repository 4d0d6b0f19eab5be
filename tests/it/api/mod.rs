//! The HTTP API as services and operators meet it: messages to clients, who may do what, limits,
//! and the document that describes it.

mod access_keys;
mod api_keys;
mod attacks;
mod document;
mod fleet;
mod jwks;
mod limits;
mod origins;
mod others;
mod roles;
mod sends;

use std::net::{Ipv4Addr, SocketAddr};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::Value;

use crate::program::process::Program;
use crate::support::http::{self, Request};
use crate::support::hub_client::HubClient;

const SECRET: &str = "a secret of at least thirty-two bytes";

const OPEN: [(&str, &str); 2] = [
    ("APP_ENVIRONMENT", "Development"),
    ("ConnectionStrings__Redis", ""),
];

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// An answer: status, headers, and the body as JSON where it is.
struct Answer {
    head: http::Head,
    body: Value,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head.status
    }

    /// Status and problem code.
    fn refusal(&self) -> (u16, &str) {
        (self.status(), self.body["code"].as_str().unwrap_or("none"))
    }
}

fn address(program: &Program) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, program.port()).into()
}

async fn ask(
    program: &Program,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::new(method, path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if !body.is_empty() {
        request = request.body(body.as_bytes().to_vec());
    }
    let answer = http::send(address(program), &request).await;
    let http::Response { head, body } = answer.expect("is answered");
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Answer { head, body }
}

async fn connect(program: &Program, path: &str) -> HubClient {
    HubClient::connect_to(address(program), path).await
}

/// A token signed by a secret.
fn sign(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).expect("can be signed")
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Seconds since 1970, so many from now.
fn seconds_from_now(seconds: i64) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("is after 1970").as_secs() as i64 + seconds
}
