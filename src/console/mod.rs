//! `/`: the web console, a page for people.
//!
//! `web/` has its sources; `make` builds them into `web/dist`, which is embedded here. A program
//! that was built without them shows a page that says so; everything else works the same.

mod file;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use rust_embed::Embed;

use self::file::File;

/// The built console. Debug builds read it from the disk at every request.
#[derive(Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// Nothing but what this server sends itself, no code inside the page, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Adds the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    for path in ["/", "/favicon.svg", "/assets/{name}"] {
        config.service(
            web::resource(path)
                .route(web::get().to(serve))
                .route(web::head().to(serve)),
        );
    }
}

async fn serve(request: HttpRequest) -> HttpResponse {
    let path = match request.path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or("");
    match File::find(path, accepted) {
        Some(file) if request.headers().get(header::IF_NONE_MATCH) == Some(&file.tag) => {
            with_policy(HttpResponse::NotModified())
                .insert_header((header::ETAG, file.tag))
                .finish()
        }
        Some(file) => file.answer(with_policy(HttpResponse::Ok())),
        None if path == "index.html" => with_policy(HttpResponse::Ok())
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .body(include_str!("not_built.html")),
        None => HttpResponse::NotFound().finish(),
    }
}

fn with_policy(mut answer: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
        .insert_header((
            "Permissions-Policy",
            "camera=(), geolocation=(), microphone=()",
        ));
    answer
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        body::MessageBody,
        dev::ServiceResponse,
        test::{TestRequest, call_service, init_service, read_body},
    };

    use super::*;

    async fn get(
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> ServiceResponse<impl MessageBody + use<>> {
        let app = init_service(App::new().configure(routes)).await;
        let request = TestRequest::get().uri(path);
        let request = headers
            .iter()
            .fold(request, |request, header| request.insert_header(*header));
        call_service(&app, request.to_request()).await
    }

    fn text(answer: &ServiceResponse<impl MessageBody>, name: header::HeaderName) -> &str {
        let value = answer.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    #[actix_web::test]
    async fn the_page_runs_no_code_but_its_own_and_stands_in_no_frame() {
        let answer = get("/", &[]).await;
        assert_eq!(answer.status(), 200);
        let policy = text(&answer, header::CONTENT_SECURITY_POLICY).to_owned();
        assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        let page = String::from_utf8(read_body(answer).await.to_vec()).expect("text");
        assert!(page.contains("<title>managing-api</title>"));
        assert!(!page.contains("<style") && !page.contains("<script>"));
    }

    #[actix_web::test]
    async fn what_is_no_file_of_the_console_is_not_found() {
        for path in ["/assets/none.js", "/assets/..%2F..%2FCargo.toml"] {
            assert_eq!(get(path, &[]).await.status(), 404, "{path}");
        }
    }

    #[actix_web::test]
    async fn a_built_page_comes_compressed_and_only_once() {
        if Files::get("index.html.br").is_none() {
            return;
        }
        let answer = get("/", &[("Accept-Encoding", "gzip, br")]).await;
        assert_eq!(text(&answer, header::CONTENT_ENCODING), "br");
        assert_eq!(text(&answer, header::VARY), "Accept-Encoding");
        let tag = text(&answer, header::ETAG).to_owned();
        let answer = get("/", &[("Accept-Encoding", "br"), ("If-None-Match", &tag)]).await;
        assert_eq!(answer.status(), 304);
        let plain = get("/", &[]).await;
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    }
}
