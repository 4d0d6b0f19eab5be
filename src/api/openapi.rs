//! `/openapi.json`: the OpenAPI 3.1 document of every HTTP route, made from the handlers and the
//! types they read and write.

use std::sync::LazyLock;

use actix_web::{HttpResponse, get, web};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

use super::{
    fleet, health, metrics,
    operations::operations,
    sends::{self, ServiceResponse},
    trading,
};
use crate::problem::ProblemBody;

static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(make);
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let text = DOCUMENT.to_json();
    text.unwrap_or_else(|error| unreachable!("the document is plain JSON: {error}"))
});

/// What the document says besides its operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "managing-api",
        description = "Reports of trading workers, looks at bots and backtests, messages to the \
            clients of the hubs. Every error is `application/problem+json` with a stable `code`.",
    ),
    components(schemas(ProblemBody, ServiceResponse)),
    modifiers(&Credentials),
    security(("bearer" = []), ("apiKey" = []), ()),
)]
struct Frame;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = Http::new(HttpAuthScheme::Bearer);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let key = ApiKey::Header(ApiKeyValue::new("X-Api-Key"));
        components.add_security_scheme("apiKey", SecurityScheme::ApiKey(key));
    }
}

fn make() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    for part in [
        health::Described::openapi(),
        metrics::Described::openapi(),
        Described::openapi(),
        trading::described(),
        sends::described(),
        fleet::Described::openapi(),
    ] {
        document.merge(part);
    }
    // A handler of GET and HEAD has one name, but operations have different ones.
    for item in document.paths.paths.values_mut() {
        let head = item.head.as_mut().and_then(|it| it.operation_id.as_mut());
        if let Some(name) = head {
            name.push_str("_head");
        }
    }
    document
}

/// The document.
pub fn document() -> &'static utoipa::openapi::OpenApi {
    &DOCUMENT
}

/// Adds the route.
pub fn routes(config: &mut web::ServiceConfig) {
    operations(config);
}

operations!(description);

/// This document.
#[utoipa::path(tag = "server", responses((status = 200, body = Object)), security(()))]
#[get("/openapi.json")]
async fn description() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(TEXT.as_str())
}
