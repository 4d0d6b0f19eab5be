//! Which pages of other origins may use the hubs.
//!
//! Answers to other origins name the origin, allow credentials and are readable on errors too. For
//! WebSockets, which browsers do not guard, the origin is checked here.

use actix_cors::Cors;
use actix_web::{
    body::MessageBody,
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
};

use super::KnownProxies;

/// The origins that are let in.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Every origin.
    #[default]
    Any,
    /// These, compared without regard to case; the page's own origin is always allowed.
    Only(Vec<String>),
}

impl AllowedOrigins {
    /// Whether a page of `origin` may connect to `host`.
    pub fn allows(&self, origin: &str, host: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Only(origins) => {
                let own = origin.split_once("://").map(|(_, authority)| authority);
                own.is_some_and(|own| host.is_some_and(|host| own.eq_ignore_ascii_case(host)))
                    || origins
                        .iter()
                        .any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
            }
        }
    }

    /// What the middleware adds to answers, for those that never reach it. A browser does not ask for
    /// it on WebSockets, but the reference answers upgrades so too.
    pub fn header_lines(&self, origin: Option<&str>, host: Option<&str>) -> String {
        match origin {
            Some(origin) if self.allows(origin, host) => format!(
                "Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
            ),
            _ => String::new(),
        }
    }

    /// The middleware for everything but WebSockets.
    pub fn middleware(&self, known_proxies: &KnownProxies) -> Cors {
        let (origins, known_proxies) = (self.clone(), known_proxies.clone());
        Cors::default()
            .allowed_origin_fn(move |origin: &HeaderValue, request| {
                let peer = request.peer_addr.map(|address| address.ip());
                let host = known_proxies.origin(peer, request.headers()).host;
                origin
                    .to_str()
                    .is_ok_and(|origin| origins.allows(origin, host))
            })
            .allow_any_method()
            .allow_any_header()
            .supports_credentials()
            .block_on_origin_mismatch(false)
            .max_age(600)
    }
}

/// Preflights are answered without content, and requests without an origin get no CORS headers.
pub(super) fn as_reference<B: MessageBody>(
    mut response: ServiceResponse<B>,
    is_preflight: bool,
    is_cross_origin: bool,
) -> ServiceResponse<B> {
    let allowed = response
        .headers()
        .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if is_preflight && allowed && response.status() == StatusCode::OK {
        *response.response_mut().status_mut() = StatusCode::NO_CONTENT;
    }
    if !is_cross_origin {
        response
            .headers_mut()
            .remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        keep_other_variations(response.headers_mut());
    }
    response
}

/// Takes out of `Vary` what the CORS middleware put there; a page that is there compressed too still
/// says so.
fn keep_other_variations(headers: &mut HeaderMap) {
    let Some(vary) = headers.remove(header::VARY).next() else {
        return;
    };
    let names = vary.to_str().unwrap_or_default().split(',').map(str::trim);
    let is_other = |name: &&str| *name != "Origin" && !name.starts_with("Access-Control-");
    let others: Vec<_> = names.filter(is_other).collect();
    if let Ok(others) = HeaderValue::from_str(&others.join(", "))
        && !others.is_empty()
    {
        headers.insert(header::VARY, others);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_and_the_own_one_are_let_in() {
        let only = AllowedOrigins::Only(vec!["https://app.example".into()]);
        assert!(only.allows("https://APP.example", None));
        assert!(only.allows("http://api.example:8080", Some("api.example:8080")));
        assert!(!only.allows("https://evil.example", Some("api.example")));
        assert!(!only.allows("null", None));
        assert!(AllowedOrigins::Any.allows("https://evil.example", None));
    }

    #[test]
    fn an_answer_that_varies_otherwise_still_says_so() {
        let cors = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        for (vary, left) in [
            (cors.to_owned(), None),
            (format!("Accept-Encoding, {cors}"), Some("Accept-Encoding")),
        ] {
            let mut headers = HeaderMap::new();
            let vary = HeaderValue::try_from(vary).expect("is text");
            headers.insert(header::VARY, vary);
            keep_other_variations(&mut headers);
            let kept = headers.get(header::VARY).map(HeaderValue::as_bytes);
            assert_eq!(kept, left.map(str::as_bytes));
        }
    }
}
