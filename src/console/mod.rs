//! `/`: the page for people. For now it says what runs here and where; the console takes its place.

use actix_web::{HttpResponse, web};

/// Adds the route.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/")
            .route(web::get().to(page))
            .route(web::head().to(page)),
    );
}

async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-cache"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header((
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'",
        ))
        .body(include_str!("index.html"))
}
