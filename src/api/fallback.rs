//! What no operation takes: 405 where the address has other methods, 404 where it has none.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    guard::{Guard, fn_guard},
    http::header,
    web,
};
use percent_encoding::percent_decode_str;
use utoipa::openapi::PathItem;

use super::openapi;
use crate::problem::{Code, Problem};

/// Adds the refusals. They go last, behind all other routes; `hubs` are served behind them.
pub fn routes(config: &mut web::ServiceConfig, hubs: &[&'static str]) {
    for (path, item) in &openapi::document().paths.paths {
        let methods = methods(item);
        let refuse = web::to(move || {
            let methods = methods.clone();
            async move { not_allowed(&methods) }
        });
        config.service(web::resource(path.as_str()).default_service(refuse));
    }
    let rest = web::resource("/{anything:.*}").guard(not_of(hubs.to_vec()));
    config.service(rest.default_service(web::to(not_found)));
}

/// Not on the paths of these hubs, which are matched without regard to case.
fn not_of(hubs: Vec<&'static str>) -> impl Guard {
    fn_guard(move |context| {
        let path = context.head().uri.path();
        let first = path.split('/').nth(1).unwrap_or_default();
        let first = percent_decode_str(first).decode_utf8_lossy();
        !hubs.iter().any(|hub| hub.eq_ignore_ascii_case(&first))
    })
}

fn methods(item: &PathItem) -> String {
    let methods = [
        ("GET", item.get.is_some()),
        ("HEAD", item.head.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    let methods = methods.into_iter().filter(|(_, is_there)| *is_there);
    methods.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

fn not_allowed(methods: &str) -> HttpResponse {
    let problem = Problem::new(Code::MethodNotAllowed, format!("allowed: {methods}"));
    let mut response = problem.error_response();
    if let Ok(methods) = header::HeaderValue::from_str(methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

async fn not_found(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let path = request.path();
    Err(Problem::not_found(format!("there is nothing at {path}")))
}
